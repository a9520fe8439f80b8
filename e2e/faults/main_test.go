package faults

import (
	"testing"

	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	turn.Take()
	m.Run()
}
