package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/store"
)

type etcdCmd struct {
	Init etcdInitCmd `cmd:"" help:"Who may read and write what in etcd: print the commands, or do it."`
}

type etcdInitCmd struct {
	Host     []string `placeholder:"NAME" help:"A host, whose certificate has this name (CN). Repeatable, or separated by commas."`
	APIUser  string   `name:"api-user" default:"ringfence-api" placeholder:"NAME" help:"The name (CN) in the APIs' certificate for etcd."`
	Apply    bool     `help:"Do it in the etcd of --etcd, instead of printing commands. With the certificate of root, etcd's administrator."`
	Etcd     []string `placeholder:"ENDPOINT" help:"etcd endpoints, such as https://10.0.0.1:2379. Repeatable, or separated by commas."`
	EtcdCA   string   `name:"etcd-ca" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of etcd's certificates, PEM."`
	EtcdCert string   `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Client certificate of root, PEM."`
	EtcdKey  string   `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
}

func (etcdInitCmd) Help() string {
	return `Makes a role for the APIs, which have the whole store of Ringfence, and one for each host, which reads the policy and writes what
is its own; gives them to the users that the certificates name; and has etcd ask every client for its certificate (auth enable). What
is there already stays: run it again for further hosts. Printed are commands of etcdctl, with what else etcd should be started with.

Examples:
  ringfence etcd init --host h1,h2
  ringfence etcd init --host h1,h2 --apply --etcd https://10.0.0.1:2379 --etcd-ca ca.pem --etcd-cert root.pem --etcd-key root.key`
}

func (c *etcdInitCmd) Run(ctx context.Context, std output.Stdio, g *session.Flags) error {
	if c.Apply && len(c.Etcd) == 0 {
		return failure.Usage("--apply: in which etcd? Give --etcd, --etcd-ca, --etcd-cert and --etcd-key")
	}
	if c.Apply {
		if err := c.isRoot(); err != nil {
			return err
		}
	}
	flags := etcdFlags{Etcd: c.Etcd, etcdAccess: etcdAccess{EtcdCA: c.EtcdCA, EtcdCert: c.EtcdCert, EtcdKey: c.EtcdKey}}
	if !c.Apply && len(c.Etcd) == 0 {
		flags.Etcd = []string{"https://127.0.0.1:2379"} // nobody connects to it
	}
	cfg, err := flags.config(nil, certfile.NewSet(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	roles, err := c.roles(cfg)
	if err != nil {
		return err
	}
	if !c.Apply {
		printRoles(std.Out, roles)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	if err := store.Authorize(ctx, cfg, roles, func(step string) { fmt.Fprintln(std.Out, step) }); err != nil {
		return fmt.Errorf("--apply: %w", err)
	}
	return nil
}

// isRoot refuses any certificate but root's: whoever makes users with another one
// has locked themselves out when it is done.
func (c *etcdInitCmd) isRoot() error {
	if c.EtcdCert == "" {
		return failure.Usage("--apply: as whom? Give --etcd-cert and --etcd-key of root")
	}
	pair, err := tls.LoadX509KeyPair(c.EtcdCert, c.EtcdKey)
	if err != nil {
		return fmt.Errorf("--etcd-cert, --etcd-key: %w", err)
	}
	if name := pair.Leaf.Subject.CommonName; name != "root" {
		return failure.Usage(fmt.Sprintf("--etcd-cert %s: it is of %q, and etcd's administrator is called root", c.EtcdCert, name))
	}
	return nil
}

// roles are those of the API and of each host.
func (c *etcdInitCmd) roles(cfg store.Config) ([]store.Role, error) {
	api, err := cfg.APIRole(c.APIUser)
	if err != nil {
		return nil, fmt.Errorf("--api-user: %w", err)
	}
	roles := []store.Role{api}
	for _, host := range c.Host {
		r, err := cfg.HostRole(host)
		if err != nil {
			return nil, failure.Usage("--host: " + err.Error())
		}
		roles = append(roles, r)
	}
	return roles, nil
}

// etcdAdvice is what etcd itself cannot be told once it runs.
const etcdAdvice = `# Start each member of etcd with (or ETCD_AUTO_COMPACTION_MODE=…, and so on):
#   --auto-compaction-mode=periodic --auto-compaction-retention=1h   events are kept for so long
#   --quota-backend-bytes=8589934592                                 8 GiB: beyond that etcd takes no writes
#   --client-cert-auth --trusted-ca-file=…                           users are the names in certificates
#   --heartbeat-interval=50 --election-timeout=500                   where the members are in one site
# Defragment and save it by ringfence-etcd-defrag.timer and ringfence-etcd-backup.timer.
`

// printRoles prints what makes the roles, as commands of etcdctl.
func printRoles(w io.Writer, roles []store.Role) {
	fmt.Fprint(w, etcdAdvice, "# Then, with ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT and ETCDCTL_KEY of root:\n")
	fmt.Fprintln(w, "export ETCDCTL_API=3\netcdctl user add root --no-password\netcdctl user grant-role root root")
	for _, r := range roles {
		fmt.Fprintf(w, "\netcdctl role add %s\n", shellWord(r.Name))
		for _, g := range r.Grants {
			prefix := ""
			if g.Prefix {
				prefix = "--prefix "
			}
			fmt.Fprintf(w, "etcdctl role grant-permission %s %s %s%s\n", shellWord(r.Name), g.Access, prefix, shellWord(g.Key))
		}
		fmt.Fprintf(w, "etcdctl user add %s --no-password\netcdctl user grant-role %s %s\n", shellWord(r.User), shellWord(r.User), shellWord(r.Name))
	}
	fmt.Fprintln(w, "\netcdctl auth enable")
}

// shellWord quotes what a shell would take for more than a word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
