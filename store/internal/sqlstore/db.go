// Package sqlstore is the store over database/sql, shared by the SQL backends.
// A backend opens the connections and says in a [Dialect] how its engine differs.
package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/panui/panui/store"
)

// Dialect is where SQL engines differ. Queries are written with ? and run as
// they are unless Numbered.
type Dialect struct {
	Name       string // in errors
	Migrations fs.FS  // files 0001_name.sql, 0002_name.sql …
	Begin      string // starts a writing transaction
	Numbered   bool   // placeholders are $1, $2 …

	// Where writers run side by side, these statements make them take turns
	// until they commit: those that claim, and those that number a journal entry.
	LockClaims  string
	LockJournal string

	Writers int // connections for writing
	Readers int // connections for reading
}

// Store is a store over database/sql.
type Store struct {
	dialect Dialect
	db      *sql.DB
	writers *pool
	readers *pool
}

var _ store.Store = (*Store)(nil)

// Open brings the schema of db up to date. The store then owns db; when Open
// fails, db is closed.
func Open(ctx context.Context, db *sql.DB, d Dialect) (*Store, error) {
	s := &Store{dialect: d, db: db}
	s.writers = newPool(db, &s.dialect, d.Writers)
	s.readers = newPool(db, &s.dialect, d.Readers)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: migrate: %w", d.Name, err), db.Close())
	}
	return s, nil
}

// Close waits for the calls under way and closes the database. Later calls fail.
func (s *Store) Close() error {
	return errors.Join(s.writers.close(), s.readers.close(), s.db.Close())
}

// write runs do in one transaction. Whatever goes wrong, nothing has changed:
// a connection that cannot roll back is closed, which does.
func (s *Store) write(ctx context.Context, do func(*conn) error) (err error) {
	c, err := s.writers.take(ctx)
	if err != nil {
		return err
	}
	defer func() { err = ended(ctx, err) }()
	settled := false
	defer func() {
		if !settled {
			_, failed := c.exec(context.WithoutCancel(ctx), "ROLLBACK")
			c.broken = failed != nil
		}
		s.writers.give(c)
	}()
	if _, err := c.exec(ctx, s.dialect.Begin); err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err = c.exec(context.WithoutCancel(ctx), "COMMIT")
	settled = err == nil
	return err
}

// read runs do on a connection of its own, outside a transaction.
func (s *Store) read(ctx context.Context, do func(*conn) error) error {
	c, err := s.readers.take(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	defer s.readers.give(c)
	return ended(ctx, do(c))
}

// ended says of a call that failed because its context ended why that was, where
// the engine only says that it was interrupted.
func ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// pool lends connections, each to one borrower at a time. A nil in it is a
// connection that is not open yet.
type pool struct {
	db      *sql.DB
	dialect *Dialect
	free    chan *conn
	closed  chan struct{}
	once    sync.Once
}

func newPool(db *sql.DB, d *Dialect, size int) *pool {
	p := &pool{db: db, dialect: d, free: make(chan *conn, size), closed: make(chan struct{})}
	for range size {
		p.free <- nil
	}
	return p
}

var errClosed = errors.New("the store is closed")

func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.closed:
		return nil, errClosed
	default:
	}
	select {
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case c := <-p.free:
		if c != nil {
			return c, nil
		}
	}
	raw, err := p.db.Conn(ctx)
	if err != nil {
		p.free <- nil
		return nil, err
	}
	return &conn{raw: raw, dialect: p.dialect, prepared: map[string]*sql.Stmt{}}, nil
}

func (p *pool) give(c *conn) {
	if c.broken {
		c.discard()
		c = nil
	}
	p.free <- c
}

func (p *pool) close() (err error) {
	p.once.Do(func() {
		close(p.closed)
		for range cap(p.free) {
			if c := <-p.free; c != nil {
				err = errors.Join(err, c.close())
			}
		}
	})
	return err
}

// conn is one connection with the statements prepared on it.
type conn struct {
	raw      *sql.Conn
	dialect  *Dialect
	prepared map[string]*sql.Stmt
	broken   bool
}

func (c *conn) close() (err error) {
	for _, stmt := range c.prepared {
		err = errors.Join(err, stmt.Close())
	}
	return errors.Join(err, c.raw.Close())
}

// discard closes the connection itself, where close hands it back to the driver's pool.
func (c *conn) discard() {
	c.raw.Raw(func(any) error { return driver.ErrBadConn })
	c.close()
}

func (c *conn) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := c.prepared[query]; stmt != nil {
		return stmt, nil
	}
	text := query
	if c.dialect.Numbered {
		text = numbered(query)
	}
	stmt, err := c.raw.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = stmt
	return stmt, nil
}

func numbered(query string) string {
	var b strings.Builder
	for n, part := range strings.Split(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
	}
	return b.String()
}

// exec returns how many rows were changed.
func (c *conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// must is exec for a statement that has to change something, or else fails with otherwise.
func (c *conn) must(ctx context.Context, otherwise error, query string, args ...any) error {
	changed, err := c.exec(ctx, query, args...)
	if err == nil && changed == 0 {
		return otherwise
	}
	return err
}

// row scans the first row into dest, or returns store.ErrNotFound.
func (c *conn) row(ctx context.Context, dest []any, query string, args ...any) error {
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// each calls do for every row, after scanning it into dest, until do says no.
func (c *conn) each(ctx context.Context, dest []any, do func() bool, query string, args ...any) error {
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if !do() {
			return nil
		}
	}
	return rows.Err()
}
