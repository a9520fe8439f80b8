package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// etcdToken is the cluster's, also after it was restored: as etcd's default.
const etcdToken = "faults"

func (p *Plane) clientURL(name string) string { return "http://" + seatAddresses[name] + ":2379" }
func (p *Plane) peerURL(name string) string   { return "http://" + seatAddresses[name] + ":2380" }

func (p *Plane) initialCluster() string {
	var all []string
	for _, name := range etcdNames {
		all = append(all, name+"="+p.peerURL(name))
	}
	return strings.Join(all, ",")
}

func (p *Plane) etcdArgs(name string) []string {
	return []string{
		"etcd", "--name=" + name, "--data-dir=" + p.sites[name].dir, "--logger=zap", "--log-level=error", "--unsafe-no-fsync",
		"--listen-client-urls=" + p.clientURL(name), "--advertise-client-urls=" + p.clientURL(name),
		"--listen-peer-urls=" + p.peerURL(name), "--initial-advertise-peer-urls=" + p.peerURL(name),
		"--initial-cluster=" + p.initialCluster(), "--initial-cluster-token=" + etcdToken,
	}
}

// etcdctl runs etcdctl(1) beside the bridge that joins all.
func (p *Plane) etcdctl(ctx context.Context, members []string, args ...string) ([]byte, error) {
	var endpoints []string
	for _, name := range members {
		endpoints = append(endpoints, p.clientURL(name))
	}
	cmd := exec.CommandContext(ctx, "etcdctl", append([]string{"--endpoints=" + strings.Join(endpoints, ","), "--command-timeout=3s"}, args...)...)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := p.net.Do(cmd.Run); err != nil {
		return nil, fmt.Errorf("etcdctl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out.Bytes(), nil
}

// retried tries again until it works: a cluster may be choosing its leader.
func (p *Plane) retried(ctx context.Context, args ...string) (out []byte, err error) {
	err = p.await(ctx, "etcd", func() error {
		out, err = p.etcdctl(ctx, etcdNames, args...)
		return err
	})
	return out, err
}

// writesWithout returns when one of the other members takes a write.
func (p *Plane) writesWithout(ctx context.Context, member string) error {
	others := slices.DeleteFunc(slices.Clone(etcdNames), func(name string) bool { return name == member })
	return p.await(ctx, "etcd without "+member, func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Second) // what is asked of a leader that is gone gets lost
		defer cancel()
		_, err := p.etcdctl(ctx, others, "put", "faults/writes", "go on")
		return err
	})
}

// Compact throws away etcd's history up to now.
func (p *Plane) Compact(ctx context.Context) error {
	out, err := p.retried(ctx, "get", "ringfence", "--write-out=json")
	if err != nil {
		return err
	}
	var got struct {
		Header struct {
			Revision int64 `json:"revision"`
		} `json:"header"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if _, err := p.retried(ctx, "compact", fmt.Sprint(got.Header.Revision)); err != nil && !strings.Contains(err.Error(), "has been compacted") {
		return err
	}
	return nil
}

// Snapshot saves the store to a file. A snapshot is what one member has, which may
// lag: the member is first asked for what the majority has.
func (p *Plane) Snapshot(ctx context.Context, file string) error {
	var errs []error
	for _, name := range etcdNames {
		_, err := p.etcdctl(ctx, []string{name}, "get", "--consistency=l", "--keys-only", "nothing")
		if err == nil {
			_, err = p.etcdctl(ctx, []string{name}, "snapshot", "save", file)
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Restore ends all members, and starts them with what a file holds.
func (p *Plane) Restore(ctx context.Context, file string) error {
	var group errgroup.Group
	for _, name := range etcdNames {
		group.Go(func() error {
			if err := p.Process(name).Kill(); err != nil {
				return err
			}
			dir := p.sites[name].dir
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			_, err := p.etcdctl(ctx, etcdNames, "snapshot", "restore", file, "--name="+name, "--data-dir="+dir,
				"--initial-cluster="+p.initialCluster(), "--initial-cluster-token="+etcdToken, "--initial-advertise-peer-urls="+p.peerURL(name))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, name := range etcdNames {
		if err := p.Start(name); err != nil {
			return err
		}
	}
	return nil
}

// snapshotFile is where a fault's snapshot goes.
func (p *Plane) snapshotFile(f Fault) string {
	return filepath.Join(p.Dir, fmt.Sprintf("snapshot-%d.db", f.Number))
}

// raiseNoSpace raises the alarm that etcd raises when its quota is used up, by
// its HTTP gateway, as etcdctl can only end one.
func (p *Plane) raiseNoSpace(ctx context.Context) error {
	return p.await(ctx, "etcd's alarm", func() error {
		var errs []error
		for _, name := range etcdNames {
			err := p.postAlarm(ctx, name)
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

func (p *Plane) postAlarm(ctx context.Context, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.clientURL(name)+"/v3/maintenance/alarm", strings.NewReader(`{"action":"ACTIVATE","memberID":0,"alarm":"NOSPACE"}`))
	if err != nil {
		return err
	}
	resp, err := p.httpClient().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s: %s", name, resp.Status, body)
	}
	return nil
}

// replaceFor gives a key another value for a while.
func (p *Plane) replaceFor(ctx context.Context, key string, value []byte, d time.Duration) error {
	out, err := p.retried(ctx, "get", key, "--write-out=json")
	if err != nil {
		return err
	}
	var got struct {
		KVs []struct {
			Value []byte `json:"value"`
		} `json:"kvs"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if len(got.KVs) != 1 {
		return fmt.Errorf("key %s: %d values", key, len(got.KVs))
	}
	if _, err := p.retried(ctx, "put", key, "--", string(value)); err != nil {
		return err
	}
	err = sleep(ctx, d)
	_, back := p.retried(ctx, "put", key, "--", string(got.KVs[0].Value))
	return errors.Join(err, back)
}
