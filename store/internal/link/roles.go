package link

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Role is what etcd should let a user do who is one process of Ringfence, or all
// of a kind. Users are known by the name (CN) in their certificates.
type Role struct {
	Name   string
	User   string
	Grants []Grant
}

// Grant is access to one key, or to all that begin with it.
type Grant struct {
	Key    string
	Prefix bool
	Access string // "read", "write" or "readwrite", as etcdctl has them
}

// APIRole is that of the API servers: all of the store.
func (c Config) APIRole(user string) (Role, error) {
	c, err := c.withDefaults()
	return Role{Name: "api", User: user, Grants: []Grant{{c.Prefix, true, "readwrite"}}}, err
}

// HostRole is that of one host's controller. It reads the policy, and where NICs
// are plugged; it writes what is of its own host, and answers its own questions.
func (c Config) HostRole(host string) (Role, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Role{}, err
	}
	if !secgroup.ValidHost(host) {
		return Role{}, fmt.Errorf("host %q: a host's name is 1-64 printable characters without space and /", host)
	}
	l := record.Layout{Prefix: c.Prefix}
	return Role{Name: "host-" + host, User: host, Grants: []Grant{
		{l.Policy(), true, "read"},
		{l.Plugs(), true, "read"},
		{l.Level(), false, "read"},
		{l.Host(host), false, "write"},
		{l.Plug(host, ""), true, "write"},
		{l.Ask(host), true, "readwrite"},
		{l.Members() + "hosts/" + host + "/", true, "readwrite"},
	}}, nil
}

// rootName is the user, and the role, that etcd wants there to be.
const rootName = "root"

// ErrAsksForNoCertificate is why Authorize does nothing: after it nobody, root
// neither, could say who they are.
var ErrAsksForNoCertificate = errors.New("etcd serves clients without a certificate, so that users by certificate would lock everybody out: start it with TLS and --client-cert-auth first")

// asksForCertificates returns ErrAsksForNoCertificate if a client without one is
// answered.
func (c Config) asksForCertificates(ctx context.Context) error {
	if c.TLS == nil {
		return ErrAsksForNoCertificate
	}
	for _, endpoint := range c.Endpoints {
		if !strings.HasPrefix(endpoint, "https://") {
			return ErrAsksForNoCertificate
		}
		bare := c
		bare.TLS = c.TLS.Clone()
		bare.TLS.Certificates, bare.TLS.GetClientCertificate = nil, nil
		client, err := bare.dial(endpoint)
		if err != nil {
			return err
		}
		asked, cancel := context.WithTimeout(ctx, c.ProbeTimeout)
		_, err = client.Get(asked, "/")
		cancel()
		client.Close()
		var answer rpctypes.EtcdError
		if err == nil || errors.As(err, &answer) && answer.Code() != codes.Unavailable {
			return ErrAsksForNoCertificate
		}
	}
	return nil
}

// Authorize makes users and roles in etcd, and then has it ask everybody for a
// certificate's name. It may be repeated, with more roles: what is there stays.
// root has to be the client's own name if that is asked for already. tell is given
// each step when it is done, and what there is to beware of.
func Authorize(ctx context.Context, cfg Config, roles []Role, tell func(string)) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if err := cfg.asksForCertificates(ctx); err != nil {
		return err
	}
	client, err := cfg.dial(cfg.Endpoints[0])
	if err != nil {
		return err
	}
	defer client.Close()
	client.SetEndpoints(cfg.Endpoints...)
	step := func(op string, err, already error) error {
		switch {
		case err == nil:
			tell(op)
		case errors.Is(err, already):
			tell(op + ": is so")
		default:
			return &OpError{Op: op, Err: err}
		}
		return nil
	}
	user := func(name, role string) error {
		_, err := client.UserAddWithOptions(ctx, name, "", &clientv3.UserAddOptions{NoPassword: true})
		if err := step("add user "+name, err, rpctypes.ErrUserAlreadyExist); err != nil {
			return err
		}
		_, err = client.UserGrantRole(ctx, name, role)
		return step("give user "+name+" role "+role, err, nil)
	}
	if err := user(rootName, rootName); err != nil {
		return err
	}
	for _, r := range roles {
		_, err := client.RoleAdd(ctx, r.Name)
		if err := step("add role "+r.Name, err, rpctypes.ErrRoleAlreadyExist); err != nil {
			return err
		}
		for _, g := range r.Grants {
			_, err := client.RoleGrantPermission(ctx, r.Name, g.Key, g.end(), g.kind())
			if err := step(fmt.Sprintf("let role %s %s %s", r.Name, g.Access, g), err, nil); err != nil {
				return err
			}
		}
		more, err := r.more(ctx, client)
		if err != nil {
			return &OpError{Op: "look at role " + r.Name, Err: err}
		}
		for _, key := range more {
			tell("role " + r.Name + " may do more than it needs, which is left as it is: " + key)
		}
		if err := user(r.User, r.Name); err != nil {
			return err
		}
	}
	if err := cfg.tellLeaks(ctx, client, tell); err != nil {
		return err
	}
	_, err = client.AuthEnable(ctx)
	return step("ask every client for its name", err, nil)
}

// more are the keys that the role has in etcd and does not need.
func (r Role) more(ctx context.Context, client *clientv3.Client) (out []string, err error) {
	wanted := map[[2]string]authpb.Permission_Type{}
	for _, g := range r.Grants {
		wanted[[2]string{g.Key, g.end()}] = authpb.Permission_Type(g.kind())
	}
	role, err := client.RoleGet(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	for _, p := range role.Perm {
		if kind, ok := wanted[[2]string{string(p.Key), string(p.RangeEnd)}]; !ok || kind != p.PermType {
			out = append(out, fmt.Sprintf("%s %q to %q", p.PermType, p.Key, p.RangeEnd))
		}
	}
	return out, nil
}

// String is the key, with a * behind a prefix.
func (g Grant) String() string {
	if g.Prefix {
		return g.Key + "*"
	}
	return g.Key
}

// end is that of the range of keys, "" if it is one key.
func (g Grant) end() string {
	if !g.Prefix {
		return ""
	}
	return clientv3.GetPrefixRangeEnd(g.Key)
}

func (g Grant) kind() clientv3.PermissionType {
	switch g.Access {
	case "read":
		return clientv3.PermissionType(clientv3.PermRead)
	case "write":
		return clientv3.PermissionType(clientv3.PermWrite)
	}
	return clientv3.PermissionType(clientv3.PermReadWrite)
}
