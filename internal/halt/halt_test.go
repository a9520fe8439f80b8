package halt_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/halt"
)

// countsEnv names the file in which the test program counts, if it is started to.
const countsEnv = "RINGFENCE_TEST_COUNTS"

// threads is how many threads count, each for itself: more than there are processors,
// so that the one that gets the signal has to wait for its turn.
const threads = 16

func TestMain(m *testing.M) {
	if file := os.Getenv(countsEnv); file != "" {
		count(file)
	}
	os.Exit(m.Run())
}

func count(file string) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	for i := range threads {
		go func() {
			var n [8]byte
			for at := uint64(1); ; at++ {
				binary.LittleEndian.PutUint64(n[:], at)
				if _, err := f.WriteAt(n[:], int64(8*i)); err != nil {
					panic(err)
				}
			}
		}()
	}
	select {}
}

// Whoever has stopped a process can rely on it: nothing that it does comes later.
func TestNothingHappensAfterStop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), countsEnv+"="+file, "GOMAXPROCS=16")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = program.Process.Kill()
		_ = program.Wait() // killed
	}()
	read := func() []byte {
		b, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return b
	}
	last := read()
	for range 30 {
		for bytes.Equal(read(), last) { // it goes on
			time.Sleep(time.Millisecond)
		}
		if err := halt.Stop(program.Process.Pid); err != nil {
			t.Fatal(err)
		}
		last = read()
		time.Sleep(10 * time.Millisecond) // what does not wait for the stop counts on meanwhile
		if now := read(); !bytes.Equal(now, last) {
			t.Fatal("it went on after it was stopped")
		}
		if err := halt.Continue(program.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStopNobody(t *testing.T) {
	program := exec.Command("true")
	if err := program.Run(); err != nil {
		t.Fatal(err)
	}
	if err := halt.Stop(program.Process.Pid); err == nil {
		t.Error("a process that has ended was stopped")
	}
}
