# SPDX-License-Identifier: MIT
# Completion for bash. It needs nothing of the package bash-completion but uses what is there.
END {
    collect()
    name = tool
    gsub(/-/, "_", name)
    for (i = 1; i <= words; i++) {
        takes = word_argument[i] != ""
        all = all (i > 1 ? " " : "") word_name[i] (takes && !word_is_optional[i] ? "=" : "")
        if (takes && !word_is_optional[i])
            separate = separate (separate == "" ? "" : " | ") word_name[i] \
                (word_letter[i] == "" ? "" : " | " word_letter[i])
    }
    print "# SPDX-License-Identifier: MIT"
    print "# Completion of " tool " for bash; made from the tables of its options."
    print "_" name "()"
    print "{"
    print "    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} i"
    print "    COMPREPLY=()"
    print "    # Bash cuts words at `=`."
    print "    if [[ $cur == = ]]; then"
    print "        cur="
    print "    elif [[ $option == = && COMP_CWORD -gt 1 ]]; then"
    print "        option=${COMP_WORDS[COMP_CWORD-2]}"
    print "    fi"
    if (tool == "hakmem-run") {
        print "    for ((i = 1; i < COMP_CWORD; i++)); do"
        print "        case ${COMP_WORDS[i]} in"
        print "            " separate ")"
        print "                [[ ${COMP_WORDS[i+1]} == = ]] && ((i++))"
        print "                ((i++)) ;;"
        print "            -*) [[ ${COMP_WORDS[i+1]} == = ]] && ((i += 2)) ;;"
        print "            *)"
        print "                if declare -F _command_offset >/dev/null; then"
        print "                    _command_offset $i"
        print "                else"
        print "                    compopt -o default"
        print "                fi"
        print "                return ;;"
        print "        esac"
        print "    done"
    }
    print "    case $option in"
    for (i = 1; i <= words; i++) {
        if (word_argument[i] == "")
            continue
        printf "        %s%s)", word_name[i], word_letter[i] == "" ? "" : " | " word_letter[i]
        # An optional value is joined by `=` alone.
        if (word_is_optional[i])
            printf " [[ ${COMP_LINE:0:COMP_POINT} == *=\"$cur\" ]] &&"
        if (word_values[i] == "<files>")
            printf " compopt -o default"
        else if (word_values[i] == "<knobs>")
            printf " compopt -o nospace; COMPREPLY=($(compgen -S = -W '%s' -- \"$cur\"))", \
                knob_variables
        else if (word_values[i] != "")
            printf " COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", word_values[i]
        else
            printf " :"
        print (word_is_optional[i] ? " && return ;;" : "; return ;;")
    }
    print "    esac"
    print "    if [[ $cur == -* ]]; then"
    print "        COMPREPLY=($(compgen -W '" all "' -- \"$cur\"))"
    print "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace"
    if (tool == "hakmem-run") {
        print "    elif declare -F _command_offset >/dev/null; then"
        print "        _command_offset $COMP_CWORD"
        print "    else"
        print "        COMPREPLY=($(compgen -c -- \"$cur\"))"
    } else {
        print "    elif [[ ${COMP_LINE:0:COMP_POINT} == *--diff* ]]; then"
        print "        compopt -o default"
        print "    else"
        print "        # The processes that have the library and may be seen."
        print "        COMPREPLY=($(compgen -W \"$("
        print "            grep -l libhakmem /proc/[0-9]*/maps 2>/dev/null | cut -d / -f 3)\" \\"
        print "            -- \"$cur\"))"
    }
    print "    fi"
    print "}"
    print "complete -F _" name " " tool
}
