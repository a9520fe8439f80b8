// Command ringfence is Ringfence in one binary: the servers (dev, api,
// controller) and the client of the HTTP API for people and scripts.
//
// Exit status: 0 done; 1 the request was refused or failed; 2 the command line
// is wrong; 3 the change is made, but a host did not apply it within --wait, or
// "status" has found something that is behind.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	status := run(ctx, os.Args[1:], output.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	os.Exit(status)
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string, std output.Stdio) int {
	if len(args) > 0 && args[0] == completeCommand {
		complete(ctx, args[1:], std.Out)
		return failure.ExitDone
	}
	if len(args) == 0 {
		status := run(ctx, []string{"--help"}, output.Stdio{In: std.In, Out: std.Err, Err: std.Err})
		return max(status, failure.ExitUsage)
	}
	var c cli
	parser, exited := newParser(&c, std)
	if n := len(args); n > 1 && args[0] == "version" && args[n-1] == "--server" {
		args = append(slices.Clone(args[:n-1]), "--api") // without a URL: whichever it is
	}
	kctx, err := parser.Parse(args)
	if exited.done { // --help has been printed
		return exited.status
	}
	if err != nil {
		return reportUsage(std.Err, args, err)
	}
	session.Bind(ctx, kctx, &c.Flags, std)
	kctx.Bind(newLaunch(args, kctx))
	if err := kctx.Run(); err != nil {
		return failure.Report(std.Err, c.explained(ctx, std, err), failure.FlagsOf(kctx))
	}
	return failure.ExitDone
}
