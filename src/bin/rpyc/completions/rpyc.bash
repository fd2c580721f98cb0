# bash completion for rpyc; printed by `rpyc completions bash`

_rpyc() {
    local line=${COMP_LINE:0:COMP_POINT} words=() rest trimmed word i
    # bash has split the words at ':' and '=' too.
    rest=$line
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        [[ $i -lt $COMP_CWORD ]] || word=$trimmed
        if [[ $i -gt 0 && $trimmed == "$rest" ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        rest=${trimmed#"$word"}
    done
    local current=${words[${#words[@]} - 1]} prefix=
    case $COMP_WORDBREAKS in
    *:*=* | *=*:*) prefix=${current%"${current##*[:=]}"} ;;
    *:*) prefix=${current%"${current##*:}"} ;;
    *=*) prefix=${current%"${current##*=}"} ;;
    esac
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o filenames
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
        else
            # Only the part after the last break is replaced.
            printf -v word %q "${word#"$prefix"}"
            COMPREPLY+=("$word")
        fi
    done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/:=] ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F _rpyc rpyc 2>/dev/null || complete -F _rpyc rpyc
