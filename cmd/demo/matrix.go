package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// printMatrix tries every pair of VMs, over TCP and with a ping.
func (d *demo) printMatrix() error {
	const width = 26
	fmt.Printf("%-12s", "")
	for _, to := range d.vms {
		fmt.Printf("%-*s", width, "to "+to.name)
	}
	fmt.Println()
	for _, from := range d.vms {
		fmt.Printf("%-12s", "from "+from.name)
		for _, to := range d.vms {
			if from == to {
				fmt.Printf("%-*s", width, "-")
				continue
			}
			tcp, ping := from.connects(to, port), from.pings(to)
			plain := fmt.Sprintf("tcp/%d %s, ping %s", port, yesNo(tcp), yesNo(ping))
			fmt.Print(paint(plain, tcp, ping), strings.Repeat(" ", max(1, width-len(plain))))
		}
		fmt.Println()
		if err := d.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// paint colours a cell on a terminal: green if all passes, yellow if a part
// does, red if nothing.
func paint(text string, tcp, ping bool) string {
	if !term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	colour := "31"
	switch {
	case tcp && ping:
		colour = "32"
	case tcp || ping:
		colour = "33"
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
