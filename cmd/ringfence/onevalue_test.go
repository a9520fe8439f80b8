package main

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/policy"
)

// Every flag of every command that has one value is refused when it is given
// twice, by whichever of its names, and one that has many is not.
func TestFlagsOfOneValueAreGivenOnce(t *testing.T) {
	t.Parallel()
	var c cli
	parser, _ := newParser(&c, output.Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	commands, single, many := 0, 0, 0
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, child := range n.Children {
			visit(child)
		}
		if n.Type != kong.CommandNode || len(n.Children) > 0 && n.DefaultCmd == nil {
			return
		}
		commands++
		words := strings.Fields(commandPath(n))[1:]
		for _, group := range n.AllFlags(false) {
			for _, f := range group {
				if f.Name == "help" {
					continue // ends the command
				}
				names := []string{"--" + f.Name}
				if f.Short != 0 {
					names = append(names, "-"+string(f.Short))
				}
				for _, alias := range f.Aliases {
					names = append(names, "--"+alias)
				}
				for _, name := range names {
					args := append(append([]string{}, words...), oneFlag(f, "--"+f.Name)...)
					args = append(args, oneFlag(f, name)...)
					_, err := parser.Parse(args)
					refused := err != nil && strings.Contains(err.Error(), "--"+f.Name+" is given more than once")
					switch {
					case f.IsCumulative() || f.IsCounter():
						many++
						if refused {
							t.Errorf("%v: %v", args, err)
						}
					default:
						single++
						if !refused {
							t.Errorf("%v: %v, want that --%s is given more than once", args, err, f.Name)
						}
					}
				}
			}
		}
	}
	visit(parser.Model.Node)
	t.Logf("%d commands, %d flags of one value, %d of many", commands, single, many)
	if commands < 50 || single < 500 || many == 0 {
		t.Errorf("%d commands, %d flags of one value, %d of many: looking in the wrong place", commands, single, many)
	}
}

// oneFlag is a flag as it is given once, with a value of its kind.
func oneFlag(f *kong.Flag, name string) []string {
	if f.IsBool() {
		return []string{name}
	}
	kind := f.Target.Type()
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	value := "onevalue.go" // some want a file that is there
	switch {
	case f.Enum != "":
		value, _, _ = strings.Cut(strings.TrimPrefix(f.Enum, ","), ",")
	case kind == reflect.TypeFor[output.Format]():
		value = "json"
	case kind == reflect.TypeFor[policy.Family]():
		value = "ipv4"
	case kind == reflect.TypeFor[time.Duration]():
		value = "1s"
	case kind.Kind() >= reflect.Int && kind.Kind() <= reflect.Float64:
		value = "1"
	case f.IsMap():
		value = "a=b"
	}
	return []string{name, value}
}

// A flag with an empty value is not as if it was left out: without it the rule would
// be for everybody, the group for all networks, the NIC for all hosts.
func TestEmptyFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"rule add web --ingress --from-group=", "rule add web --ingress --from-cidr=", "rule add web --ingress --remote-group=", "rule add web --ingress --proto tcp --port=", "rule add web --ingress --proto=",
		"rule add web --ingress --family=", "rule update web r --to-group=", "group create web --network=", "group create web --egress-policy=",
		"nic put n --network net --mac 02:00:00:00:00:01 --host=", "nic put n --network net --mac 02:00:00:00:00:01 --address=", "nic list --account=",
	} {
		if !strings.Contains(line, "--account") {
			line = "--account=acme " + line
		}
		var out bytes.Buffer
		words := strings.Fields(line)
		status := run(context.Background(), append([]string{"--server=http://127.0.0.1:1", "--token-file=onevalue.go"}, words...), output.Stdio{Out: &out, Err: &out})
		flag, _, _ := strings.Cut(words[len(words)-1], "=")
		if want := "ringfence: " + flag + " is empty: give it a value, or leave it out\n"; status != failure.ExitUsage || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: status %d, %q", line, status, out.String())
		}
	}
}

// A rule is for one network: the second one is not silently the only one.
func TestRuleOfTwoNetworksIsRefused(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	status := run(context.Background(), strings.Fields("rule add web --from-cidr 10.0.0.0/8 --from-cidr 192.0.2.0/24"), output.Stdio{Out: &out, Err: &out})
	const want = "ringfence: --from-cidr is given more than once, and has one value\nTry 'ringfence rule add --help'.\n"
	if status != failure.ExitUsage || out.String() != want {
		t.Errorf("status %d, %q", status, out.String())
	}
}
