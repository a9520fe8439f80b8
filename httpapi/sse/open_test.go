package sse

import "testing"

// An account can only have so many streams open.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	var o Open
	for range maxOpen {
		if !o.Enter("a") {
			t.Fatal("refused")
		}
	}
	if o.Enter("a") || !o.Enter("b") {
		t.Error("bound is not per account")
	}
	o.Leave("a")
	if !o.Enter("a") {
		t.Error("one that left still counts")
	}
}
