package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ringfence/ringfence/internal/turn"
)

func TestMain(m *testing.M) {
	// Under the race detector each command would sleep a second at its end.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", quickRace)
	}
	turn.Take()
	testscript.Main(m, map[string]func(){"ringfence": main})
}

const quickRace = "atexit_sleep_ms=0"

// TestScripts runs the command lines in testdata/script. No API is there.
func TestScripts(t *testing.T) {
	p := scripts("testdata/script")
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		env.Setenv("GORACE", quickRace)
		return nil
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
			"usage": want(exitUsage), "fails": want(exitFailed), "lags": want(exitLagging),
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
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, words, want string }{
		{"command", `ringfence gro`, "group\n"},
		{"empty word", `ringfence completion ""`, "bash\nzsh\nfish\n"},
		{"flag", `ringfence rule add web --from-g`, "--from-group\n"},
		// Readline breaks the line at "=" and replaces what follows only.
		{"after an equals sign", `ringfence --output = j`, "json\n"},
		{"right after an equals sign", `ringfence --output =`, "table\njson\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Symlink(self, dir+"/ringfence"); err != nil {
				t.Fatal(err)
			}
			script := `source <(ringfence completion bash)
				COMP_WORDS=(` + c.words + `); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
				_ringfence; printf '%s\n' "${COMPREPLY[@]}"`
			cmd := exec.Command("bash", "--norc", "-c", script)
			// testscript.Main runs the command that the program is called as.
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
