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
  local line=$COMP_LINE cur=\${COMP_WORDS[COMP_CWORD]} words=() word typed quote= found first=
  COMPREPLY=()
  # Bash splits at colons and equals signs, too: what has no blank before it is more of one word.
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ \${#words[@]} == 0 || -z $line || $line == [[:space:]]* ]]; then words+=("$word")
    else words[\${#words[@]}-1]+=$word
    fi
    line=\${line#*"$word"}
  done
  typed=\${words[\${#words[@]}-1]}
  case $typed in [\\"\\']*) quote=\${typed:0:1} ;; esac
  # As they are without quotes and backslashes.
  words=("\${words[@]//[\\\\\\"\\']/}")
  words=("\${words[@]/#\\~\\//$HOME/}")
  typed=\${words[\${#words[@]}-1]}
  # Bash replaces only the part behind the last colon or equals sign.
  cur=\${cur//[\\\\\\"\\']/}
  case $cur in : | =) cur= ;; esac
  while IFS= read -r found; do
    first=\${first:-$found}
    case $found in $'\\t'* | '') continue ;; esac
    found=\${found#"\${typed%"$cur"}"}
    # What means something else within the quotes is left out.
    case $quote$found in \\"*[\\\\\\"\\$\\\`!]* | \\'*\\'*) continue ;; esac
    [[ $quote ]] || found=$(printf %q "$found")
    COMPREPLY+=("$found")
    # What is in a folder may follow at once.
    case $found in */) compopt -o nospace ;; esac 2>/dev/null
  done <<< "$(dstore completion words -- "\${words[@]:1}" 2>/dev/null)"
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
  local -a asked found
  local typed=$PREFIX none=1
  # As they are without quotes and backslashes.
  [[ $compstate[quote] == \\' ]] || typed=\${(Q)PREFIX}
  asked=("\${(@Q)words[2,CURRENT-1]}" "$typed")
  asked=("\${(@)asked/#\\~\\//$HOME/}")
  found=("\${(@f)$(dstore completion words -- "\${asked[@]}" 2>/dev/null)}")
  case "\${found[1]}" in
    $'\\tfiles') compset -P '--*='; _files ;;
    $'\\tfolders') compset -P '--*='; _files -/ ;;
    ?*)
      # What is in a folder may follow at once.
      compadd -S '' -- "\${(@M)found:#*/}" && none=0
      compadd -- "\${(@)found:#*/}" && none=0
      return none ;;
  esac
}
compdef _dstore dstore`,
  fish: `\
# dstore in fish: dstore completion fish | source
function __dstore_words
  set -l words (commandline -opc | string replace -r '^~/' $HOME/)
  set -l typed (commandline -ct)
  # As it is without quotes and backslashes; a quote may still be open.
  set -l word (string unescape -- $typed; or string unescape -- $typed\\'; or string unescape -- $typed\\"; or printf %s $typed)
  set -l flag (string match -r -- '^--[\\w-]+=' $typed)
  for found in (dstore completion words -- $words[2..-1] "$word" 2>/dev/null)
    switch $found
      case \\tfiles
        for file in (__fish_complete_path (string replace -- "$flag" '' $typed))
          printf '%s\\n' "$flag$file"
        end
      case \\tfolders
        __fish_complete_directories (commandline -ct)
      case '*'
        printf '%s\\n' $found
    end
  end
end
complete -c dstore -f -a '(__dstore_words)'`,
}
