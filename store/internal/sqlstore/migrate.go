package sqlstore

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// migrate carries out, in one transaction, the migrations that the database has
// not seen. Several processes may start at once: the first one does it.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Glob(s.dialect.Migrations, "*.sql")
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *conn) error {
		version, err := schemaVersion(ctx, c)
		if err != nil {
			return err
		}
		if version > len(files) {
			return fmt.Errorf("the database has schema %d, this program knows %d: it was made by a newer one", version, len(files))
		}
		for _, file := range files[version:] {
			if err := s.migrateFile(ctx, c, file); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		return nil
	})
}

func schemaVersion(ctx context.Context, c *conn) (version int, err error) {
	_, err = c.raw.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, file TEXT NOT NULL)`)
	if err != nil {
		return 0, err
	}
	err = c.raw.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM migration`).Scan(&version)
	return version, err
}

func (s *Store) migrateFile(ctx context.Context, c *conn, file string) error {
	text, err := fs.ReadFile(s.dialect.Migrations, file)
	if err != nil {
		return err
	}
	number, _, _ := strings.Cut(file, "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	if _, err := c.raw.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = c.exec(ctx, `INSERT INTO migration (version, file) VALUES (?, ?)`, version, file)
	return err
}
