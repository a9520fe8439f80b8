package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/ringfence/ringfence/internal/turn"
)

// atOnce is how many tests run at a time. They wait for silence much of the
// time, so it is more than there are processors; each has some ten processes of
// its own, so it is not many more.
const atOnce = "5"

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "e2e: these tests make network namespaces and so must run as root")
		os.Exit(1)
	}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
	}
	turn.Take()
	code := m.Run()
	if err := os.RemoveAll(buildDir()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	os.Exit(code)
}
