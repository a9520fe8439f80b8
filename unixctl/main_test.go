package unixctl_test

import (
	"os"
	"testing"

	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	turn.Take()
	os.Exit(m.Run())
}
