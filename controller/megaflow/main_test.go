package megaflow_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	turn.Take()
	goleak.VerifyTestMain(m)
}
