package httpapi

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/turn"
	"github.com/ringfence/ringfence/store"
)

// crashEnv has the test binary be an API process: "<etcd endpoint> <prefix> <socket> <tokens>".
const crashEnv = "RINGFENCE_TEST_CRASHING_API"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(crashEnv)); len(args) == 4 {
		fmt.Fprintln(os.Stderr, crashingAPI(args[0], args[1], args[2], args[3]))
		os.Exit(1)
	}
	turn.Take()
	goleak.VerifyTestMain(etcdtest.Shared{Tests: m})
}

// crashingAPI serves until it is killed.
func crashingAPI(endpoint, prefix, socket, tokenPath string) error {
	s, err := store.Open(context.Background(), store.Config{Endpoints: []string{endpoint}, Prefix: prefix, MaxTxnOps: 1000, Logger: quiet()})
	if err != nil {
		return err
	}
	tokens, err := tokens.Open(tokenPath, quiet())
	if err != nil {
		return err
	}
	// A name of its own that then takes the place of the dead one's: nobody
	// finds a socket that is not listened at yet.
	fresh := fmt.Sprintf("%s%d", socket, os.Getpid())
	l, err := net.Listen("unix", fresh)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, socket); err != nil {
		return err
	}
	return http.Serve(l, New(Config{Store: s, Tokens: tokens, Logger: quiet()}))
}

// served waits until an API process answers.
func served(client *http.Client) bool {
	for range 2000 {
		if res, err := client.Get("http://api/healthz"); err == nil {
			res.Body.Close()
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

const crashWriters = 8

// pairOf is a transaction that makes two groups, one of which names the other.
func pairOf(name string) string {
	return fmt.Sprintf(`{"operations":[
		{"as":"a","method":"POST","path":"/security-groups","body":{"name":"%[1]s a","default_rules":false}},
		{"method":"POST","path":"/security-groups","body":{"name":"%[1]s b","default_rules":false,"rules":[{"direction":"ingress","protocol":"tcp","remote_group":"${a}"}]}}]}`, name)
}

// The API is killed again and again under writers. What was answered with
// success is there; what was not is there as a whole or not at all; whoever
// asks again with the same key until there is an answer has exactly one.
func TestKilledAPIsLoseNothing(t *testing.T) {
	t.Parallel()
	s := world(t)
	socket := filepath.Join(filepath.Dir(s.tokens), "api.sock")
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	post := func(path, body, key string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://api"+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		req.Header.Set("Authorization", "Bearer "+admin)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		res, err := client.Do(req)
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return 0, ""
		}
		return res.StatusCode, string(raw)
	}

	var stop atomic.Bool
	var made atomic.Int64 // requests answered with success
	var mu sync.Mutex
	persistent, fickle := map[string]bool{}, map[string]bool{} // by name: answered with success
	var replays int
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for i := 0; !stop.Load(); i++ {
				name := fmt.Sprintf("w%d-%d", w, i)
				retries := r.IntN(2) == 0
				status, raw, tries := 0, "", 0
				for status == 0 || status == http.StatusServiceUnavailable {
					if tries > 0 && !retries {
						break
					}
					if tries++; tries > 1 {
						time.Sleep(5 * time.Millisecond)
					}
					status, raw = post(transactions, pairOf(name), name)
				}
				if status == 200 {
					made.Add(1)
				}
				mu.Lock()
				if retries {
					persistent[name] = status == 200
					if tries > 1 {
						replays++
					}
				} else {
					fickle[name] = status == 200
				}
				mu.Unlock()
				if status != 200 && status != 0 && status != http.StatusServiceUnavailable {
					t.Errorf("%s: %d %s", name, status, raw)
					return
				}
			}
		})
	}
	crashes := 50
	if testing.Short() {
		crashes = 10
	}
	pause := rand.New(rand.NewPCG(1, 4))
	for range crashes {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{s.config.Endpoints[0], s.config.Prefix, socket, s.tokens}, " "))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := made.Load()
		if !served(client) {
			t.Error("an API process does not come up")
		}
		for i := 0; made.Load() == before && i < 2000; i++ { // however slow the machine is, each does something
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(pause.IntN(100)) * time.Millisecond) // anywhere in what it does
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
	}
	stop.Store(true)
	last := exec.Command(os.Args[0])
	last.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{s.config.Endpoints[0], s.config.Prefix, socket, s.tokens}, " "))
	if err := last.Start(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_ = last.Process.Kill()
	_ = last.Wait() // killed

	// What another process acknowledged is read here when the store has told of it,
	// some milliseconds later. A write of one's own rests on all that was before.
	s.must("POST", groups, `{"name":"after all","default_rules":false}`)
	there := map[string]int{}
	for cursor := ""; ; {
		page := s.must("GET", groups+"?limit=1000"+cursor, "")
		for _, g := range page.at("items").([]any) {
			there[g.(map[string]any)["name"].(string)]++
		}
		if page.text("next_cursor") == "null" {
			break
		}
		cursor = "&cursor=" + page.text("next_cursor")
	}
	answered, unknown := 0, 0
	for name, ok := range persistent {
		if a, b := there[name+" a"], there[name+" b"]; !ok || a != 1 || b != 1 {
			t.Errorf("%s was retried to success (%t), and there are %d and %d", name, ok, a, b)
		}
	}
	for name, ok := range fickle {
		a, b := there[name+" a"], there[name+" b"]
		if a != b || a > 1 || ok && a != 1 {
			t.Errorf("%s was answered with success: %t; there are %d and %d", name, ok, a, b)
		}
		if ok {
			answered++
		} else {
			unknown++
		}
	}
	log := s.must("GET", acme+"/audit?limit=1000&kind=security-group", "")
	if items := log.at("items").([]any); len(items) < min(1000, len(there)/2) {
		t.Errorf("%d entries of the audit log for %d groups", len(items), len(there))
	}
	t.Logf("%d kills; %d requests retried to success, %d of them more than once; %d answered, %d without answer", crashes, len(persistent), replays, answered, unknown)
	if made.Load() < int64(crashes) || replays < crashWriters {
		t.Errorf("%d requests were answered, %d retried, over %d kills: the test shows little", made.Load(), replays, crashes)
	}
}
