package httpapi

import (
	"errors"
	"hash/fnv"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// listing is a list route: what it holds, in the order of a unique key.
type listing[T any] struct {
	// items are all that the list may hold, sorted by key. They are made anew
	// for each page.
	items func(c *call, s *secgroup.Snapshot) ([]T, error)
	// after takes the place of items, for a list of which a page need not look at all:
	// those from a cursor on, nil for the first; n of them are enough if nothing is filtered.
	after func(c *call, s *secgroup.Snapshot, from *pages.Cursor, n int) (iter.Seq[T], error)
	key   func(T) string
	keep  func(c *call, s *secgroup.Snapshot) (func(T) bool, error) // the filters; nil: none
	show  func(c *call, s *secgroup.Snapshot) func(T) any
	tag   func(c *call, s *secgroup.Snapshot) string // what a PUT of the whole list depends on; nil: there is none
}

// listParameters are those of every list.
var listParameters = []string{"limit", "cursor"}

// page is a page of a list that is being written as JSON.
type page struct {
	json         []byte
	items, limit int
}

func newPage(limit int) *page {
	return &page{json: append(make([]byte, 0, 1024), `{"items":[`...), limit: limit}
}

func (p *page) full() bool { return p.items == p.limit }

// add writes an item.
func (p *page) add(item any) (err error) {
	if p.items > 0 {
		p.json = append(p.json, ',')
	}
	if p.json, err = strictjson.Append(p.json, item); err != nil {
		return err
	}
	const some = 8 // tell how long all are
	if p.items++; p.items == some {
		p.json = slices.Grow(p.json, (p.limit-some)*len(p.json)/some+256)
	}
	return nil
}

// end writes what follows the items, and returns the whole; next is nil if this is the last page.
func (p *page) end(next *pages.Cursor, revision int64) []byte {
	b := append(p.json, `],"next_cursor":`...)
	if next == nil {
		b = append(b, "null"...)
	} else {
		b = strictjson.AppendText(b, next.Encode())
	}
	b = strconv.AppendInt(append(b, `,"revision":`...), revision, 10)
	return append(b, "}\n"...)
}

// serve answers one page.
func (l listing[T]) serve(c *call) error {
	limit, err := c.in.Limit()
	if err != nil {
		return err
	}
	from, err := c.cursor()
	if err != nil {
		return err
	}
	if from != nil && from.Mark == "" {
		if err := c.api.store.Unambiguous(c.req.Context(), from.Revision); errors.Is(err, store.ErrRestored) {
			return notKept()
		}
	}
	var body []byte
	tag := "l"
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		var rev int64
		var mark string
		if from != nil {
			rev, mark = from.Revision, from.Mark
		} else {
			rev = s.Revision()
			mark = c.api.past.MarkOf(s, rev)
		}
		then, err := c.api.past.At(s, rev, mark)
		if errors.Is(err, realization.ErrPast) {
			return notKept()
		} else if err != nil {
			return err
		}
		if l.tag != nil {
			tag = l.tag(c, then)
		}
		body, err = l.page(c, then, from, mark, limit)
		return err
	})
	if err != nil {
		return err
	}
	return c.read(tag, body)
}

func notKept() error {
	return transport.Refuse(http.StatusGone, transport.CodeCompacted, "the list's revision is not kept any more; start again without cursor")
}

func (l listing[T]) page(c *call, s *secgroup.Snapshot, from *pages.Cursor, mark string, limit int) ([]byte, error) {
	items, err := l.candidates(c, s, from, limit)
	if err != nil {
		return nil, err
	}
	keep := func(T) bool { return true }
	if l.keep != nil {
		if keep, err = l.keep(c, s); err != nil {
			return nil, err
		}
	}
	p := newPage(limit)
	show := l.show(c, s)
	last := ""
	for t := range items {
		if !keep(t) {
			continue
		}
		if p.full() {
			return p.end(&pages.Cursor{Revision: s.Revision(), Mark: mark, After: last, List: c.listID()}, s.Revision()), nil
		}
		if err := p.add(show(t)); err != nil {
			return nil, err
		}
		last = l.key(t)
	}
	return p.end(nil, s.Revision()), nil
}

// candidates are what a page may begin with, and go on with to its end.
func (l listing[T]) candidates(c *call, s *secgroup.Snapshot, from *pages.Cursor, limit int) (iter.Seq[T], error) {
	if l.after != nil {
		return l.after(c, s, from, limit+1)
	}
	items, err := l.items(c, s)
	if err != nil || from == nil {
		return slices.Values(items), err
	}
	i, found := slices.BinarySearchFunc(items, from.After, func(t T, k string) int { return strings.Compare(l.key(t), k) })
	if found {
		i++
	}
	return slices.Values(items[i:]), nil
}

// ofAccount are the objects of the account that are behind a cursor; after yields those behind an id.
func ofAccount[T any](after func(s *secgroup.Snapshot, account, id string) iter.Seq[T]) func(*call, *secgroup.Snapshot, *pages.Cursor, int) (iter.Seq[T], error) {
	return func(c *call, s *secgroup.Snapshot, from *pages.Cursor, _ int) (iter.Seq[T], error) {
		if s.Account(c.in.Account) == nil {
			return nil, transport.NotFound()
		}
		if from == nil {
			return after(s, c.in.Account, ""), nil
		}
		return after(s, c.in.Account, from.After), nil
	}
}

// listID tells lists apart: by path and filters, so that a cursor of one is not
// taken for one of another.
func (c *call) listID() uint32 {
	q := maps.Clone(c.in.Parameters)
	for _, name := range slices.Concat(listParameters, fromMemory) {
		q.Del(name)
	}
	h := fnv.New32a()
	h.Write([]byte(c.req.URL.Path + "?" + q.Encode()))
	return h.Sum32()
}

// cursor reads ?cursor, nil if the list is to be read from its start.
func (c *call) cursor() (*pages.Cursor, error) {
	v := c.in.Query("cursor")
	if v == "" {
		return nil, nil
	}
	return pages.DecodeCursor(v, c.listID())
}

// number is a key for items that have no name: their place, as text that sorts.
func number(i int) string {
	s := strconv.Itoa(i)
	return strings.Repeat("0", 10-len(s)) + s
}

// numbered is an item of a list whose order is not that of an id. Its place is
// the same on all pages, which are read at one revision.
type numbered[T any] struct {
	place int
	item  T
}

func enumerate[T any](items []T) []numbered[T] {
	out := make([]numbered[T], len(items))
	for i, item := range items {
		out[i] = numbered[T]{i, item}
	}
	return out
}

func placeOf[T any](n numbered[T]) string { return number(n.place) }
