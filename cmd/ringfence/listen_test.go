package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
)

func TestListenRefusesOtherMachinesWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen   string
		insecure bool
		want     string // in the error; "" = it listens
	}{
		{"127.0.0.1:0", false, ""},
		{"[::1]:0", false, ""},
		{"localhost:0", false, ""},
		{"0.0.0.0:0", false, "there is no TLS"},
		{":0", false, "there is no TLS"},
		{"[::]:0", false, "there is no TLS"},
		{"192.0.2.1:0", false, "there is no TLS"},
		{"example.org:0", false, "there is no TLS"},
		{"0.0.0.0:0", true, ""},
		{"127.0.0.1", false, "there is no TLS"},
		{"127.0.0.1:http-but-not", true, "--listen: "},
		{"unix:" + strings.Repeat("x", 108), false, "at most 107 bytes, this one has 108"},
	} {
		t.Run(c.listen, func(t *testing.T) {
			l, err := (&listenFlags{Listen: c.listen, InsecureListen: c.insecure}).listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler)))
			if err == nil {
				l.Close()
			}
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestListenUnixReplacesALeftoverOnly(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "rf")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	sock := filepath.Join(dir, "api.sock")
	f := &listenFlags{Listen: "unix:" + sock}
	first, err := f.listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(sock); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := f.listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler))); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a socket in use: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as if the process had been killed
	first.Close()
	second, err := f.listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if url := f.url(second); url != "unix:"+sock {
		t.Error(url)
	}
	second.Close()
	if err := os.WriteFile(sock, []byte("not a socket"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler))); err == nil {
		t.Error("it replaced a file that is no socket")
	}
}

// A stopping server answers what it has begun, and ends what does not end.
func TestServeLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	l, err := (&listenFlags{Listen: "127.0.0.1:0"}).listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		select {
		case <-time.After(200 * time.Millisecond):
			io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, h, slog.New(slog.DiscardHandler)) }()
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-begun
	stop()
	if got := <-answer; got != "done" {
		t.Errorf("answer %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c, err := client.New("http://"+l.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var te *client.TransportError
	if err := c.Healthy(t.Context()); !errors.As(err, &te) {
		t.Errorf("it still answers: %v", err)
	}
}
