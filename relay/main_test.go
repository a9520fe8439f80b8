package relay

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	turn.Take()
	goleak.VerifyTestMain(etcdtest.Shared{Tests: m})
}
