#compdef rpyc
# zsh completion for rpyc; printed by `rpyc completions zsh`

_rpyc() {
    local -a open open_shown closed closed_shown
    local line word help shown files=
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            files=1
            continue
        fi
        word=${line%%$'\t'*}
        help=${line#*$'\t'}
        shown=$word${help:+  -- $help}
        if [[ $word == *[/:=] ]]; then
            open+=("$word")
            open_shown+=("$shown")
        else
            closed+=("$word")
            closed_shown+=("$shown")
        fi
    done < <(${(Q)~words[1]} __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    # What a slash, colon or equals sign ends goes on without a space.
    (( $#open )) && compadd -l -d open_shown -S '' -a -- open
    (( $#closed )) && compadd -l -d closed_shown -a -- closed
    [[ -z $files ]] || _files
}

if [[ ${funcstack[1]} == _rpyc ]]; then
    _rpyc "$@"
else
    compdef _rpyc rpyc
fi
