/** The scripts of `dstore completion`. Each asks `dstore completion words` for completions. */

export const SHELLS: Readonly<Record<string, string>> = {
  bash: `\
# dstore in bash: eval "$(dstore completion bash)"
_dstore() {
  local IFS=$'\\n' found
  COMPREPLY=()
  for found in $(dstore completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    COMPREPLY+=("$(printf %q "$found")")
  done
}
complete -o default -F _dstore dstore`,
  zsh: `\
#compdef dstore
# dstore in zsh: eval "$(dstore completion zsh)"
_dstore() {
  local -a found
  found=("\${(@f)$(dstore completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _dstore dstore`,
  fish: `\
# dstore in fish: dstore completion fish | source
function __dstore_words
  set -l words (commandline -opc) (commandline -ct)
  dstore completion words -- $words[2..-1] 2>/dev/null
end
complete -c dstore -a '(__dstore_words)'`,
}
