package main

import (
	"fmt"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// completeCommand is the hidden command that the shells' completion scripts
// call: ringfence __complete WORD…, the last word being the one to complete.
// It prints one candidate a line, "value" or "value<TAB>description"; a line
// ":files" asks the shell for file names.
const completeCommand = "__complete"

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCmd) Help() string {
	return `Examples:
  source <(ringfence completion bash)                                        # this shell
  ringfence completion bash > /usr/share/bash-completion/completions/ringfence
  ringfence completion zsh > "${fpath[1]}/_ringfence"
  ringfence completion fish > ~/.config/fish/completions/ringfence.fish

Names of groups, NICs, networks, … are completed too, if the API answers within half a second.`
}

func (c completionCmd) Run(std output.Stdio) error {
	_, err := fmt.Fprint(std.Out, completionScripts[c.Shell])
	return err
}

// completionScripts hold no knowledge of the grammar: they ask __complete.
//
// Bash splits words at "=" and ":" (COMP_WORDBREAKS); __complete is given the
// line's words glued together again, and what stands before the last break is
// taken off the candidates, because readline replaces only what follows it.
var completionScripts = map[string]string{
	"bash": `# bash completion of ringfence: source it, or put it into bash-completion's directory.
_ringfence() {
    local cur="" line value i words=() out=()
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if [[ ${#words[@]} -gt 0 && ( ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i-1]} == *[=:] ) ]]; then
            words[${#words[@]}-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
        fi
    done
    cur=${words[${#words[@]}-1]}
    local head=${cur%"${cur##*[=:]}"}
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t out < <(compgen -f -- "${cur#"$head"}")
            COMPREPLY+=("${out[@]}")
        else
            value=${line%%$'\t'*}
            COMPREPLY+=("${value#"$head"}")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _ringfence ringfence
`,
	"zsh": `#compdef ringfence
# zsh completion of ringfence: put it as _ringfence into a directory of $fpath.
_ringfence() {
    local line value
    local -a candidates
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            _files
            continue
        fi
        value=${line%%$'\t'*}
        if [[ $line == *$'\t'* ]]; then
            candidates+=("${value//:/\\:}:${line#*$'\t'}")
        else
            candidates+=("${value//:/\\:}")
        fi
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#candidates )) && _describe -V ringfence candidates
}
if [[ $funcstack[1] == _ringfence ]]; then
    _ringfence "$@"
else
    compdef _ringfence ringfence
fi
`,
	"fish": `# fish completion of ringfence: put it into ~/.config/fish/completions/ringfence.fish.
function __ringfence_complete
    set -l words (commandline -opc)
    set -e words[1]
    for line in (ringfence __complete $words (commandline -ct) 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c ringfence -f -a '(__ringfence_complete)'
`,
}
