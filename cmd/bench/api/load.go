package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// took is how long each request of a turn took, in order.
type took struct {
	all []time.Duration
	per time.Duration // the turn
}

func (t took) rate() float64 { return float64(len(t.all)) / t.per.Seconds() }

func (t took) percentile(p int) float64 {
	return float64(t.all[min(len(t.all)-1, len(t.all)*p/100)].Microseconds()) / 1000
}

// load has so many callers do something again and again for a while, each one after the other.
// begin makes what a caller does: it is given its number.
func load(ctx context.Context, callers int, phase time.Duration, begin func(caller int) (do func() error, end func(), err error)) (took, error) {
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	begun := time.Now()
	for c := range callers {
		wg.Go(func() {
			var mine []time.Duration
			do, end, err := begin(c)
			if err == nil {
				defer end()
			}
			for err == nil && time.Since(begun) < phase && ctx.Err() == nil {
				start := time.Now()
				err = do()
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	t := took{slices.Sorted(slices.Values(all)), time.Since(begun)}
	if failed == nil {
		failed = ctx.Err()
	}
	return t, failed
}

// caller is a connection of HTTP/1.1 on which requests are made one after the other, with as little
// ado as can be: the processors are the servers'.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(ctx context.Context, address string) (*caller, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &caller{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *caller) close() { c.conn.Close() }

// do makes a request, of which it is given all bytes, and passes over the answer, which must be a
// success.
func (c *caller) do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode >= http.StatusMultipleChoices {
		body, _ := io.ReadAll(r.Body)
		return fmt.Errorf("%s: %s: %s", request[:min(len(request), 80)], r.Status, body)
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// request writes one down.
func request(method, path, token, body string) []byte {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n", method, path, token)
	if body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(head + "\r\n" + body)
}
