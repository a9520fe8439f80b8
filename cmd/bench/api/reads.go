package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/workload"
)

// read is a kind of read: the paths that it asks for at random, and the file of the bound that has
// the same bytes.
type read struct {
	name string
	path func() string
	file string
}

const accountPath = "/v1/accounts/" + workload.Account

// reads measures reads, and a server that only writes the same bytes.
func (b *bench) reads(ctx context.Context) error {
	kinds := []read{
		{"read_nic", func() string { return fmt.Sprintf("%s/nics/m%d", accountPath, rand.IntN(b.size.Members)) }, "nic"},
		{"read_group", func() string { return fmt.Sprintf("%s/security-groups/g%d", accountPath, rand.IntN(b.size.Groups)) }, "group"},
		{"read_page", func() string { return accountPath + "/nics?limit=100" }, "page"},
	}
	dir, err := os.MkdirTemp("", "bench-api-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bare, address, err := b.startBare(ctx, dir, kinds)
	if err != nil {
		return err
	}
	defer func() { _ = bare.Kill() }()
	for _, k := range kinds {
		var is, bound turns
		for range b.rounds {
			err := is.take(b.stack.API(), func() (took, error) {
				return b.ask(ctx, strings.TrimPrefix(b.stack.URL, "http://"), func() []byte { return request("GET", k.path(), b.stack.Token, "") })
			})
			if err != nil {
				return err
			}
			err = bound.take(bare, func() (took, error) {
				return b.ask(ctx, address, func() []byte { return request("GET", "/"+k.file, b.stack.Token, "") })
			})
			if err != nil {
				return err
			}
		}
		if err := b.report(k.name, b.callers, is, bound, true); err != nil {
			return err
		}
	}
	return nil
}

// ask makes requests of many callers for one turn.
func (b *bench) ask(ctx context.Context, address string, next func() []byte) (took, error) {
	return load(ctx, b.callers, b.phase, func(int) (func() error, func(), error) {
		c, err := dial(ctx, address)
		if err != nil {
			return nil, nil, err
		}
		return func() error { return c.do(next()) }, c.close, nil
	})
}

// startBare starts the bound of reads, which serves one answer of each kind, and waits for it.
func (b *bench) startBare(ctx context.Context, dir string, kinds []read) (*stack.Process, string, error) {
	address := stack.LoopbackAddresses(1)[0]
	args := []string{"-serve", address}
	for _, k := range kinds {
		body, err := b.body(ctx, k.path())
		if err != nil {
			return nil, "", err
		}
		file := filepath.Join(dir, k.file)
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return nil, "", err
		}
		args = append(args, file)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p, err := stack.StartProcess("bare", filepath.Join(dir, "log"), self, args...)
	if err != nil {
		return nil, "", err
	}
	for p.Running() && ctx.Err() == nil {
		if c, err := dial(ctx, address); err == nil {
			c.close()
			return p, address, nil
		}
	}
	return nil, "", fmt.Errorf("the server of bare bytes did not start: %s", p.Log())
}

// body is an answer of the API.
func (b *bench) body(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.stack.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+b.stack.Token)
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && (r.StatusCode != http.StatusOK || !bytes.HasPrefix(body, []byte("{"))) {
		err = fmt.Errorf("GET %s: %s: %s", path, r.Status, body)
	}
	return body, err
}

// serveBare is the bound of reads: files from memory, with the headers of the API's answers.
func serveBare(address string, files []string) error {
	mux := http.NewServeMux()
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mux.HandleFunc("GET /"+filepath.Base(file), func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("X-Request-Id", "01a2021f-b35c-7025-be75-a0b1cc5ba9bc")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("ETag", `"123456-1rv8k2a"`)
			h.Set("Content-Type", "application/json")
			h.Set("Cache-Control", "no-cache")
			_, _ = w.Write(body) // who does not take it tells of that
		})
	}
	server := http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

// turns are those of one server.
type turns struct {
	all []took
	cpu float64 // of the server, in seconds
}

// take takes one more, and what it costs the server.
func (t *turns) take(server *stack.Process, turn func() (took, error)) error {
	before, err := usage.CPU(server.PID())
	if err != nil {
		return err
	}
	one, err := turn()
	if err != nil {
		return err
	}
	after, err := usage.CPU(server.PID())
	t.all, t.cpu = append(t.all, one), t.cpu+after-before
	return err
}
