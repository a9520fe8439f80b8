package ofconn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

var twoFlows = []wire.FlowMod{wire.AddFlow(openflow.Flow{Table: 3}), wire.AddFlow(openflow.Flow{Table: 4})}

// bundleAnswer answers like a switch, but for the types that are left out.
func bundleAnswer(leaveOut ...wire.BundleType) func(wire.Message) []wire.Message {
	return func(m wire.Message) []wire.Message {
		b, ok := m.(wire.BundleControl)
		if !ok {
			return nil
		}
		for _, t := range leaveOut {
			if b.Type == t {
				return nil
			}
		}
		b.Type++
		return []wire.Message{b}
	}
}

func TestCommitWithoutAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{}, 1)
	answer := bundleAnswer(wire.BundleCommit)
	f := &fakeSwitch{answer: func(m wire.Message) []wire.Message {
		switch m := m.(type) {
		case wire.BundleControl:
			if m.Type == wire.BundleCommit {
				sent <- struct{}{}
			}
		case wire.BarrierRequest: // behind a single change
			sent <- struct{}{}
		}
		return answer(m)
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	for _, mods := range [][]wire.FlowMod{twoFlows, twoFlows[:1]} {
		ctx, cancel := context.WithCancel(testContext(t))
		go func() {
			<-sent
			cancel()
		}()
		err := c.Bundle(ctx, mods)
		if !errors.Is(err, ofconn.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("%d changes: error is %v", len(mods), err)
		}
	}
}

func TestBundleTimeoutBeforeCommitIsKnown(t *testing.T) {
	t.Parallel()
	discarded := make(chan struct{}, 1)
	answer := bundleAnswer(wire.BundleClose)
	f := &fakeSwitch{answer: func(m wire.Message) []wire.Message {
		if b, ok := m.(wire.BundleControl); ok && b.Type == wire.BundleDiscard {
			discarded <- struct{}{}
		}
		return answer(m)
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	err := c.Bundle(ctx, twoFlows)
	if errors.Is(err, ofconn.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	select {
	case <-discarded:
	case <-time.After(time.Minute):
		t.Error("the bundle was not discarded")
	}
}

func TestCommitOnALostConnectionIsUnknown(t *testing.T) {
	t.Parallel()
	committing := make(chan struct{})
	answer := bundleAnswer(wire.BundleCommit)
	f := &fakeSwitch{answer: func(m wire.Message) []wire.Message {
		if b, ok := m.(wire.BundleControl); ok && b.Type == wire.BundleCommit {
			close(committing)
		}
		return answer(m)
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	go func() {
		<-committing
		c.Close()
	}()
	if err := c.Bundle(testContext(t), twoFlows); !errors.Is(err, ofconn.ErrOutcomeUnknown) || !errors.Is(err, ofconn.ErrClosed) {
		t.Errorf("error is %v", err)
	}
}

func TestSilentSwitchIsGivenUp(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{answer: func(wire.Message) []wire.Message { return nil }}
	f.start(t)
	c := f.dial(t, ofconn.Options{EchoInterval: 20 * time.Millisecond})
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		t.Fatal("the connection to a silent switch lives on")
	}
	if !errors.Is(c.Err(), ofconn.ErrSilent) {
		t.Errorf("error is %v", c.Err())
	}
	if err := c.Apply(testContext(t)); !errors.Is(err, ofconn.ErrSilent) {
		t.Errorf("a request afterwards says %v", err)
	}
}

func TestEchoKeepsTheConnection(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	f := &fakeSwitch{answer: func(m wire.Message) []wire.Message {
		if e, ok := m.(wire.EchoRequest); ok {
			asked <- struct{}{}
			return []wire.Message{wire.EchoReply(e)}
		}
		return nil
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{EchoInterval: 10 * time.Millisecond, EchoTimeout: 20 * time.Second})
	for range 5 {
		select {
		case <-asked:
		case <-c.Done():
			t.Fatalf("the connection ended: %v", c.Err())
		case <-time.After(time.Minute):
			t.Fatal("no echo request")
		}
	}
}

func TestGarbageEndsTheConnection(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{answer: func(wire.Message) []wire.Message {
		return []wire.Message{garbage{}}
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	if _, err := c.Dump(testContext(t), 0, 0); !errors.Is(err, ofconn.ErrProtocol) {
		t.Errorf("error is %v", err)
	}
	if !errors.Is(c.Err(), ofconn.ErrProtocol) {
		t.Errorf("the connection says %v", c.Err())
	}
}

func TestEchoIsAnswered(t *testing.T) {
	t.Parallel()
	answered := make(chan string, 1)
	f := &fakeSwitch{answer: func(m wire.Message) []wire.Message {
		switch m := m.(type) {
		case wire.FlowDescRequest:
			return []wire.Message{wire.EchoRequest{Data: []byte("there?")}}
		case wire.EchoReply:
			answered <- string(m.Data)
		}
		return nil
	}}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		if data := <-answered; data != "there?" {
			t.Errorf("echo reply holds %q", data)
		}
		cancel()
	}()
	if _, err := c.Dump(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestDialRefusesOtherVersions(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{hello: wire.Hello{Versions: 1<<1 | 1<<4}}
	f.start(t)
	_, err := ofconn.Dial(testContext(t), f.path, ofconn.Options{})
	if !errors.Is(err, ofconn.ErrProtocol) || !strings.Contains(err.Error(), "does not speak OpenFlow 1.5") {
		t.Errorf("error is %v", err)
	}
	var op *ofconn.OpError
	if !errors.As(err, &op) || op.Op != "hello" {
		t.Errorf("error is %#v", err)
	}
}

func TestDialHeedsItsContext(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{hello: wire.EchoReply{}} // ends the wait for a hello
	f.start(t)
	if _, err := ofconn.Dial(testContext(t), f.path, ofconn.Options{}); !errors.Is(err, ofconn.ErrProtocol) {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if _, err := ofconn.Dial(ctx, f.path, ofconn.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	var op *ofconn.OpError
	if _, err := ofconn.Dial(testContext(t), f.path+"none", ofconn.Options{}); !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("error is %v", err)
	}
}

func TestUnencodableMessageIsNamed(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{answer: bundleAnswer()}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	// As many actions as a flow can have, and a match for which no room is left.
	var actions openflow.Actions
	err := openflow.ErrTooLong
	var many []openflow.Action
	for id := range uint32(4100) {
		many = append(many, openflow.Conjunction{ID: id, Clause: 1, Of: 2})
	}
	for ; errors.Is(err, openflow.ErrTooLong); many = many[1:] {
		actions, err = openflow.NewActions(many...)
	}
	if err != nil {
		t.Fatal(err)
	}
	long := wire.AddFlow(openflow.Flow{Actions: actions, Match: openflow.MustMatch(openflow.Metadata.Is(1), openflow.Reg(1).Is(2), openflow.EthSrc.IsMAC([6]byte{2}))})
	err = c.Bundle(testContext(t), append(twoFlows, long))
	var refused *ofconn.BundleError
	if !errors.As(err, &refused) || len(refused.Refused) != 1 || refused.Refused[0].Index != 2 || !errors.Is(err, openflow.ErrTooLong) {
		t.Errorf("error is %v", err)
	}
	if err := c.Bundle(testContext(t), []wire.FlowMod{long}); !errors.As(err, &refused) || !errors.Is(err, openflow.ErrTooLong) {
		t.Errorf("alone: error is %v", err)
	}
}
