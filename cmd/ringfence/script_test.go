package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	// Under the race detector each command would sleep a second at its end.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", quickRace)
	}
	turn.Take()
	testscript.Main(etcdtest.Shared{Tests: commands{m}}, map[string]func(){"ringfence": main})
}

// commands runs tests, and then removes what they have built.
type commands struct{ tests *testing.M }

func (c commands) Run() int {
	status := c.tests.Run()
	if quickDir == "" {
		return status
	}
	if err := os.RemoveAll(quickDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(status, 1)
	}
	return status
}

// quickCommands is the directory of a program that the race detector does not
// slow down, for scripts of hundreds of commands: four fifths of what each takes
// under it is to start. It watches what they talk to, which is in the test's own
// process. Without it the test itself is that program.
var quickCommands = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rfcommands")
	if err != nil {
		return "", err
	}
	quickDir = dir
	path, err := stack.Program(filepath.Join(dir, "ringfence"), false)
	return filepath.Dir(path), err
})

// quickDir is what Run removes.
var quickDir string

// useQuickCommands has a script's commands be those.
func useQuickCommands(env *testscript.Env) error {
	if !raced {
		return nil
	}
	dir, err := quickCommands()
	if err != nil {
		return err
	}
	env.Setenv("PATH", dir+string(filepath.ListSeparator)+env.Getenv("PATH"))
	return nil
}

const quickRace = "atexit_sleep_ms=0"

// TestScripts runs the command lines in testdata/script. No API is there.
func TestScripts(t *testing.T) {
	p := scripts("testdata/script")
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		env.Setenv("RINGFENCE_STATE_DIR", env.WorkDir+"/.state")
		return useQuickCommands(env)
	}
	testscript.Run(t, p)
}

// scripts are the parameters of the scripts in a directory. Besides
// testscript's own commands they have usage, fails and lags, which run
// ringfence and want the exit status of that name.
func scripts(dir string) testscript.Params {
	want := func(status int) func(*testscript.TestScript, bool, []string) {
		return func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, status, args) }
	}
	return testscript.Params{
		Dir:                 dir,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"usage": want(failure.ExitUsage), "fails": want(failure.ExitFailed), "lags": want(failure.ExitLagging),
		},
	}
}

// exits runs ringfence and checks its exit status.
func exits(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec("ringfence", args...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		ts.Fatalf("ringfence %v: exit status 0, want %d", args, want)
	case !errors.As(err, &exit):
		ts.Fatalf("ringfence %v: %v", args, err)
	case exit.ExitCode() != want:
		ts.Fatalf("ringfence %v: exit status %d, want %d", args, exit.ExitCode(), want)
	}
}

// TestBashCompletion sources the script in a real bash and presses Tab.
func TestBashCompletion(t *testing.T) {
	dir := filepath.Dir(ringfenceProgram(t))
	if raced {
		var err error
		if dir, err = quickCommands(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, words, want string }{
		{"command", `ringfence gro`, "group\n"},
		{"empty word", `ringfence completion ""`, "bash\nzsh\nfish\n"},
		{"flag", `ringfence rule add web --from-g`, "--from-group\n"},
		// Readline breaks the line at "=" and replaces what follows only.
		{"after an equals sign", `ringfence --output = y`, "yaml\n"},
		{"right after an equals sign", `ringfence --output =`, "table\nwide\njson\nyaml\nname\njsonpath=\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := `source <(ringfence completion bash)
				COMP_WORDS=(` + c.words + `); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
				_ringfence; printf '%s\n' "${COMPREPLY[@]}"`
			cmd := exec.Command("bash", "--norc", "-c", script)
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "RINGFENCE_SERVER=http://127.0.0.1:1")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, &stderr)
			}
			if stdout.String() != c.want || stderr.Len() > 0 {
				t.Errorf("got %q, want %q; stderr %q", &stdout, c.want, &stderr)
			}
		})
	}
}
