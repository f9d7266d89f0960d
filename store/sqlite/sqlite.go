// Package sqlite keeps a store in one SQLite file, without cgo. It suits one
// machine; several processes there may share the file.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store in a SQLite file.
type Store struct {
	store.Store
	sql *sqlstore.Store
}

// Open opens the database at path, and makes it, readable by its owner only,
// when it is not there. What Apply has returned from survives a power loss.
// Open fails when a newer version of Pānui made the file.
func Open(ctx context.Context, path string) (*Store, error) {
	shared, err := open(ctx, path, configure)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, err)
	}
	return &Store{Store: shared, sql: shared}, nil
}

func open(ctx context.Context, path string, configure func(*sqlite3.Conn) error) (*sqlstore.Store, error) {
	path, err := prepare(path)
	if err != nil {
		return nil, err
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := driver.Open(address(path), configure)
	if err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, db, sqlstore.Dialect{
		Name: "sqlite", Migrations: folder, Begin: "BEGIN IMMEDIATE", Writers: 1, Readers: 4,
	})
}

// Close waits for the calls under way and closes the file. Later calls fail.
func (s *Store) Close() error { return s.sql.Close() }

// prepare makes the file, and the -shm file beside it, with the mode that SQLite
// would not give them, and returns the absolute path.
func prepare(path string) (string, error) {
	if path == "" || path == ":memory:" {
		return "", errors.New("not a file; package memory keeps a store in memory")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	mode, err := touch(path, 0o600)
	if err != nil {
		return "", err
	}
	_, err = touch(path+"-shm", mode)
	return path, err
}

// touch makes an empty file unless there is one, and returns the mode that it has.
func touch(path string, mode fs.FileMode) (fs.FileMode, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}

// address is a URI, so that the -wal file gets the mode of the database, and so
// that no path is taken for anything else.
func address(path string) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?modeof=" + url.PathEscape(path)
}

// configure sets up each connection. A busy database is an error after three
// seconds, or as soon as the caller's context ends. What is deleted is overwritten.
func configure(c *sqlite3.Conn) error {
	return c.Exec(`
		PRAGMA busy_timeout = 3000;
		PRAGMA journal_mode = WAL;
		PRAGMA synchronous = FULL;
		PRAGMA foreign_keys = ON;
		PRAGMA secure_delete = ON;
		PRAGMA cache_size = -16000;
		PRAGMA temp_store = MEMORY`)
}
