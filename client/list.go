package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// page is one page of a list.
type page struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor string            `json:"next_cursor"`
	Revision   int64             `json:"revision"`
}

// list walks all pages of a list, which the server reads at one revision. It
// stops at the first error. Into(&meta) holds the whole list as one document
// once the walk has ended.
func list[T any](ctx context.Context, c *Client, path string, opts []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		cl := newCall(opts)
		all := page{Items: []json.RawMessage{}}
		for {
			var p page
			if err := c.do(ctx, http.MethodGet, path, nil, &p, cl); err != nil {
				yield(zero, err)
				return
			}
			for _, raw := range p.Items {
				var item T
				if err := json.Unmarshal(raw, &item); err != nil {
					yield(zero, &TransportError{"GET " + path, err})
					return
				}
				if !yield(item, nil) {
					return
				}
			}
			all.Items, all.Revision = append(all.Items, p.Items...), p.Revision
			if p.NextCursor == "" {
				break
			}
			cl.query.Set("cursor", p.NextCursor)
		}
		if cl.meta != nil {
			cl.meta.Revision = all.Revision
			if _, more := cl.query["cursor"]; more { // else Raw is the answer itself
				cl.meta.Raw, _ = json.Marshal(all) // raw items always encode
			}
		}
	}
}

// Collect reads a list to its end.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}
