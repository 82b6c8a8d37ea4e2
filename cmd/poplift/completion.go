package main

import "github.com/urfave/cli/v2"

// The scripts ask the program itself: the words so far and completionFlag.
const (
	bashCompletion = `_poplift() {
  local cur="${COMP_WORDS[COMP_CWORD]}" words opts
  words=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ "$cur" == -* ]] && words+=("$cur")
  opts=$("${words[@]}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$opts" -- "$cur"))
}
complete -o bashdefault -o default -F _poplift poplift
`
	zshCompletion = `#compdef poplift
_poplift() {
  local -a words_so_far opts
  local cur="${words[CURRENT]}"
  words_so_far=("${(@)words[1,CURRENT-1]}")
  [[ "$cur" == -* ]] && words_so_far+=("$cur")
  opts=("${(@f)$("${(@)words_so_far}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${opts[1]}" ]]; then
    compadd -a opts
  else
    _files
  fi
}
compdef _poplift poplift
`
	powershellCompletion = `Register-ArgumentCompleter -Native -CommandName poplift -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -and -not $wordToComplete.StartsWith('-')) { $words = @($words | Select-Object -SkipLast 1) }
  poplift @words --generate-bash-completion 2>$null | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
)

func completionScript(app *cli.App, args []string) (string, error) {
	if len(args) != 1 {
		return "", usagef("which shell? poplift completion bash|zsh|fish|powershell")
	}
	switch args[0] {
	case "bash":
		return bashCompletion, nil
	case "zsh":
		return zshCompletion, nil
	case "fish":
		return app.ToFishCompletion()
	case "powershell", "pwsh":
		return powershellCompletion, nil
	}
	return "", usagef("%q is none of: bash, zsh, fish, powershell", args[0])
}
