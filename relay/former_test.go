package relay

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// formerProtocol is the protocol of the release before, as it was written then.
// testdata/former.proto is replaced with each release.
func formerProtocol(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{"testdata"}}}
	files, err := c.Compile(t.Context(), "former.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// TestTheProtocolOnlyGrows: whatever the release before says means the same to this
// one, and the other way round.
func TestTheProtocolOnlyGrows(t *testing.T) {
	t.Parallel()
	is := wire.File_relay_wire_wire_proto
	was := formerProtocol(t)
	for i := range was.Messages().Len() {
		m := was.Messages().Get(i)
		now := is.Messages().ByName(m.Name())
		if now == nil {
			t.Errorf("message %s is gone", m.Name())
			continue
		}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			if g := now.Fields().ByNumber(f.Number()); g == nil || fieldText(f) != fieldText(g) {
				t.Errorf("%s: %s is not what it was", m.Name(), fieldText(f))
			}
		}
	}
	for i := range was.Enums().Len() {
		e := was.Enums().Get(i)
		now := is.Enums().ByName(e.Name())
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			if now == nil || now.Values().ByNumber(v.Number()) == nil || now.Values().ByNumber(v.Number()).Name() != v.Name() {
				t.Errorf("%s: %s = %d is not what it was", e.Name(), v.Name(), v.Number())
			}
		}
	}
}

func fieldText(f protoreflect.FieldDescriptor) string {
	of := ""
	if f.Message() != nil {
		of = string(f.Message().Name())
	} else if f.Enum() != nil {
		of = string(f.Enum().Name())
	}
	return fmt.Sprintf("%s %s %s %s = %d", f.Cardinality(), f.Kind(), of, f.Name(), f.Number())
}

// formerHost is a host of the release before, which knows its protocol and no more.
type formerHost struct {
	t      *testing.T
	of     protoreflect.FileDescriptor
	stream grpc.ClientStream
}

func attachFormer(t *testing.T, addr string) *formerHost {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx := metadata.AppendToOutgoingContext(soon(t), "authorization", "Bearer any")
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, wire.Hosts_Attach_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	return &formerHost{t, formerProtocol(t), stream}
}

func (h *formerHost) say(json string) {
	h.t.Helper()
	m := dynamicpb.NewMessage(h.of.Messages().ByName("FromHost"))
	if err := protojson.Unmarshal([]byte(json), m); err != nil {
		h.t.Fatal(err)
	}
	if err := h.stream.SendMsg(m); err != nil {
		h.t.Fatal(err)
	}
}

// hear reads the next message, which has to be of a kind that it knows.
func (h *formerHost) hear() *wire.ToHost {
	h.t.Helper()
	m := dynamicpb.NewMessage(h.of.Messages().ByName("ToHost"))
	if err := h.stream.RecvMsg(m); err != nil {
		h.t.Fatal(err)
	}
	if unknown := m.GetUnknown(); len(unknown) > 0 || m.WhichOneof(m.Descriptor().Oneofs().Get(0)) == nil {
		h.t.Errorf("a host of the release before is sent a kind of message that it does not know: %v", m)
	}
	b, err := proto.Marshal(m)
	out := &wire.ToHost{}
	if err == nil {
		err = proto.Unmarshal(b, out)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// TestAHostOfTheReleaseBefore: it is served by this relay as it was by its own.
func TestAHostOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler)})
	s.restore(1, town()...)
	h := attachFormer(t, s.addr)
	h.say(`{"hello": {"version": 1, "host": "h1", "instance": "i", "level": 1, "plugs": {"number": 1, "full": true, "plugged": [{"nic": "n1"}]}}}`)
	if m := h.hear().GetWelcome(); m.GetVersion() != 1 {
		t.Fatalf("it is taken in with %v", m)
	}
	delta := func(rev int64, nrules int) uint64 {
		t.Helper()
		for {
			m := h.hear().GetDelta()
			if m == nil {
				continue // of plugs, say
			}
			if m.GetAt().GetRevision() != rev || len(m.GetGroups()) != 1 || len(m.GetGroups()[0].GetRules()) != nrules {
				t.Errorf("revision %d is %v", rev, m)
			}
			return m.GetNumber()
		}
	}
	number := delta(1, 1)
	h.say(fmt.Sprintf(`{"applied": {"delta": %d}}`, number))
	s.at(t, "h1", 1)
	h.say(`{"status": {"connected": true, "flows": 3, "nics": [{"id": "n1", "ready": true}]}}`)
	b.until(t, "its report", func() bool { return b.reports["h1"].Flows == 3 })
	rev := s.write(ruled("gn1", 1, 2))
	h.say(fmt.Sprintf(`{"applied": {"delta": %d}}`, delta(rev, 2)))
	s.at(t, "h1", rev)
}

// TestAHostOfALaterRelease: what this relay does not know of it is passed over, and
// one that names no version is refused with words.
func TestAHostOfALaterRelease(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	later := s.host(t, hostsim.Config{Name: "h1", Version: wire.Version + 7, NICs: []string{"n1"}})
	wait(t, later, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	unknown := &wire.FromHost{}
	unknown.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 1000, protowire.BytesType), []byte("of a kind that is to come")))
	if err := later.Send(unknown); err != nil {
		t.Fatal(err)
	}
	applied := &wire.Applied{Delta: 1}
	applied.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7))
	if err := later.Send(&wire.FromHost{Kind: &wire.FromHost_Applied{Applied: applied}}); err != nil {
		t.Fatal(err)
	}
	rev := s.write(ruled("gn1", 1))
	wait(t, later, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	s.at(t, "h1", rev)
	none := attachFormer(t, s.addr)
	none.say(`{"hello": {"host": "h2", "instance": "i"}}`)
	if bye := none.hear().GetGoodbye(); bye.GetReason() == "" || bye.GetRetryable() {
		t.Errorf("without a version: %v", bye)
	}
	if err := none.stream.RecvMsg(&wire.ToHost{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("without a version: %v", err)
	}
}
