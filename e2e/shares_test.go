package e2e

import (
	"testing"

	"github.com/ringfence/ringfence/client"
)

// TestSharedGroups: NICs of one account in another's group are judged by its
// rules and are its members, and a rule of one account may name another's group;
// until they leave.
func TestSharedGroups(t *testing.T) {
	t.Parallel()
	host := newDatacentre(t).newTenant(t)
	host.play("a")
	guest := *host // another account's VMs in the same network
	guest.account = host.account + "-guest"
	guest.must(guest.api.PutAccount(t.Context(), guest.account, client.AccountSpec{}))
	guest.play("b", "c")
	guests := "b -> b: " + usual + "\nb -> c: " + usual + "\nc -> b: " + usual + "\nc -> c: " + usual
	guest.expect(guests + "\na -> a: " + usual)

	host.groups("web", "db")
	host.rule("web", "in", "ingress tcp 80 from any")
	host.rule("db", "in", "ingress udp 53 from web")
	host.join("db", "a")
	web := client.SharedGroup(host.account, "web")
	if err := guest.api.AttachNIC(t.Context(), guest.account, guest.nic("b", "h1"), web); !client.IsNotFound(err) {
		t.Errorf("a group that is not shared: %v", err)
	}
	host.must(host.api.PutShare(t.Context(), host.account, "web", guest.account, []string{"attach", "reference"}))
	guest.expect(guests)

	guest.join(web, "b")
	guest.expect("* -> b: tcp/80\nb -> a: udp/53\nc -> c: " + usual)
	guest.groups("own")
	guest.change(func(opts ...client.CallOption) error {
		_, err := guest.api.PutRule(t.Context(), guest.account, "own", "in", client.RuleSpec{Direction: "ingress", Protocol: "icmp", RemoteGroup: &web}, opts...)
		return err
	})
	guest.join("own", "c")
	guest.expect("* -> b: tcp/80\nb -> a: udp/53\nb -> c: icmp")
	host.join("web", "a") // a is a member too
	guest.expect("* -> b: tcp/80\n* -> a: tcp/80\nb -> a: udp/53 tcp/80\na -> a: udp/53 tcp/80\nb -> c: icmp\na -> c: icmp")
	host.leave("web", "a")
	guest.leave(web, "b")
	guest.expect("b -> b: " + usual)
}
