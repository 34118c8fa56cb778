/** The scripts of `dstore completion`. Each asks `dstore completion words` for completions. */

/** Begins a line that is no word: no name, flag or key has a tab. */
export const MARK = '\t'

/** In place of words: the shell completes files, or folders. */
export const FILES: string = `${MARK}files`
export const FOLDERS: string = `${MARK}folders`

export const SHELLS: Readonly<Record<string, string>> = {
  bash: `\
# dstore in bash: eval "$(dstore completion bash)"
_dstore() {
  local IFS=$'\\n' found first=
  COMPREPLY=()
  for found in $(dstore completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    [[ $first ]] || first=$found
    [[ $found == $'\\t'* ]] || COMPREPLY+=("$(printf %q "$found")")
  done
  case $first in
    $'\\tfiles') compopt -o default ;;
    $'\\tfolders') compopt -o dirnames ;;
  esac 2>/dev/null
}
complete -F _dstore dstore`,
  zsh: `\
#compdef dstore
# dstore in zsh: eval "$(dstore completion zsh)"
_dstore() {
  local -a found
  found=("\${(@f)$(dstore completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case "\${found[1]}" in
    $'\\tfiles') _files ;;
    $'\\tfolders') _files -/ ;;
    ?*) compadd -- "\${found[@]}" ;;
  esac
}
compdef _dstore dstore`,
  fish: `\
# dstore in fish: dstore completion fish | source
function __dstore_words
  set -l words (commandline -opc) (commandline -ct)
  for found in (dstore completion words -- $words[2..-1] 2>/dev/null)
    switch $found
      case \\tfiles
        __fish_complete_path (commandline -ct)
      case \\tfolders
        __fish_complete_directories (commandline -ct)
      case '*'
        echo $found
    end
  end
end
complete -c dstore -f -a '(__dstore_words)'`,
}
