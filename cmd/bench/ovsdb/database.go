package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// database is an ovsdb-server with a bridge, and a connection to write to it
// with as little work as can be: it counts as the client's.
type database struct {
	ovs *ovsproc.Proc
	dir string
	net net.Conn
	dec *json.Decoder
}

// startDatabase starts one with n interfaces on the bridge.
func startDatabase(ctx context.Context, n int) (*database, error) {
	dir, err := os.MkdirTemp("/tmp", "rfbench") // short, for the sockets' paths
	if err != nil {
		return nil, err
	}
	p, err := ovsproc.Start(ctx, ovsproc.Config{Dir: dir, PrivateNetns: true, Dummy: true})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	db := &database{ovs: p, dir: dir}
	if err := db.fill(ctx, n); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func (db *database) fill(ctx context.Context, n int) error {
	if err := db.ovs.KillVswitchd(); err != nil {
		return err
	}
	if _, err := db.ovs.Vsctl(ctx, "--no-wait", "add-br", bridge); err != nil {
		return err
	}
	var err error
	if db.net, err = new(net.Dialer).DialContext(ctx, "unix", db.ovs.DBSock()); err != nil {
		return err
	}
	db.dec = json.NewDecoder(db.net)
	var ops []string
	for i := 1; i < n; i++ { // the bridge's own is one
		ops = append(ops, insertPort(iface(i), fmt.Sprintf(`["map",[["iface-id",%q],["ringfence-zone","%d/%s"]]]`, iface(i), i, iface(i)), i))
		if len(ops) == 500 || i == n-1 {
			if err := db.transact(strings.Join(ops, ",")); err != nil {
				return err
			}
			ops = nil
		}
	}
	return nil
}

// insertPort is the operations that add a port with one interface.
func insertPort(name, ids string, i int) string {
	return fmt.Sprintf(`{"op":"insert","table":"Interface","uuid-name":"i%d","row":{"name":%q,"ofport":%d,"external_ids":%s}},
		{"op":"insert","table":"Port","uuid-name":"p%d","row":{"name":%q,"interfaces":["named-uuid","i%d"]}},
		{"op":"mutate","table":"Bridge","where":[["name","==",%q]],"mutations":[["ports","insert",["named-uuid","p%d"]]]}`,
		i, name, i, ids, i, name, i, bridge, i)
}

func iface(i int) string { return fmt.Sprintf("0a1b2c3d-e4f5-6789-abcd-%012d", i) }

func (db *database) close() error {
	if db.net != nil {
		_ = db.net.Close()
	}
	return errors.Join(db.ovs.Stop(), os.RemoveAll(db.dir))
}

// rename gives an interface another NIC.
func (db *database) rename(i int) (func(*watcher) bool, error) {
	name, nic := iface(1), fmt.Sprintf("nic-%d", i)
	err := db.transact(fmt.Sprintf(`{"op":"mutate","table":"Interface","where":[["name","==",%q]],"mutations":[
		["external_ids","delete",["set",["iface-id"]]],["external_ids","insert",["map",[["iface-id",%q]]]]]}`, name, nic))
	return func(w *watcher) bool { return w.nicOf(name) == nic }, err
}

// plug adds a port the first time and takes it away the second.
func (db *database) plug(i int) (func(*watcher) bool, error) {
	if i%2 == 1 {
		return func(w *watcher) bool { return w.nicOf("extra") == "" }, db.unplug()
	}
	err := db.transact(insertPort("extra", `["map",[["iface-id","x"]]]`, 60000))
	return func(w *watcher) bool { return w.nicOf("extra") == "x" }, err
}

// unplug takes the extra port off the bridge.
func (db *database) unplug() error {
	var found struct {
		Result []struct{ Rows []map[string]any }
	}
	if err := db.call(`{"op":"select","table":"Port","where":[["name","==","extra"]],"columns":["_uuid"]}`, &found); err != nil {
		return err
	}
	if len(found.Result) != 1 || len(found.Result[0].Rows) != 1 {
		return errors.New("there is no port to take away")
	}
	uuid, err := json.Marshal(found.Result[0].Rows[0]["_uuid"])
	if err != nil {
		return err
	}
	return db.transact(fmt.Sprintf(`{"op":"mutate","table":"Bridge","where":[["name","==",%q]],"mutations":[["ports","delete",%s]]}`, bridge, uuid))
}

// transact commits operations, given as JSON.
func (db *database) transact(ops string) error {
	var answer struct {
		Result []struct{ Error, Details string }
	}
	if err := db.call(ops, &answer); err != nil {
		return err
	}
	for _, r := range answer.Result {
		if r.Error != "" {
			return fmt.Errorf("%s: %s", r.Error, r.Details)
		}
	}
	return nil
}

func (db *database) call(ops string, answer any) error {
	if _, err := fmt.Fprintf(db.net, `{"id":0,"method":"transact","params":["Open_vSwitch",%s]}`, ops); err != nil {
		return err
	}
	return db.dec.Decode(answer)
}
