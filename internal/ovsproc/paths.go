package ovsproc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// RunDir is OVS_RUNDIR: sockets and pidfiles.
func (p *Proc) RunDir() string { return filepath.Join(p.cfg.Dir, "run") }

// LogDir is OVS_LOGDIR.
func (p *Proc) LogDir() string { return filepath.Join(p.cfg.Dir, "log") }

// DBSock is the path of the database's socket.
func (p *Proc) DBSock() string { return filepath.Join(p.RunDir(), "db.sock") }

// DBAddr is the database's address as OVS tools take it: "unix:PATH".
func (p *Proc) DBAddr() string { return "unix:" + p.DBSock() }

// MgmtSock is the path of a bridge's OpenFlow management socket.
func (p *Proc) MgmtSock(bridge string) string {
	return filepath.Join(p.RunDir(), bridge+".mgmt")
}

func (p *Proc) ctl(pid int) string {
	return filepath.Join(p.RunDir(), "ovs-vswitchd."+strconv.Itoa(pid)+".ctl")
}

func (p *Proc) dbDir() string  { return filepath.Join(p.cfg.Dir, "db") }
func (p *Proc) dbFile() string { return filepath.Join(p.dbDir(), "conf.db") }

// Env is this process's environment with the OVS directories set to ours.
func (p *Proc) Env() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OVS_") {
			env = append(env, kv)
		}
	}
	return append(env,
		"OVS_RUNDIR="+p.RunDir(),
		"OVS_LOGDIR="+p.LogDir(),
		"OVS_DBDIR="+p.dbDir(),
		"OVS_SYSCONFDIR="+p.dbDir())
}
