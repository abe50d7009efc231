# SPDX-License-Identifier: MIT
# Completion for zsh's own system, compinit.

# Text in a specification of _arguments, in single quotes.
function shown(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/\[/, "\\[", text)
    gsub(/\]/, "\\]", text)
    gsub(/:/, "\\:", text)
    gsub(/'/, "'\\''", text)
    return text
}

function action(values) {
    if (values == "<files>")
        return "_files"
    if (values == "<knobs>")
        return "compadd -S = -- " knob_variables
    return values == "" ? " " : "(" values ")"
}

END {
    collect()
    print "#compdef " tool
    print "# SPDX-License-Identifier: MIT"
    print "# Completion of " tool " for zsh; made from the tables of its options."
    if (tool == "hakmem-stat") {
        print "_hakmem_processes() {"
        print "    # The processes that have the library and may be seen."
        print "    local -a pids"
        print "    pids=(${(f)\"$(grep -l libhakmem /proc/[0-9]*/maps 2>/dev/null)\"})"
        print "    pids=(${${pids#/proc/}%/maps})"
        print "    (( $#pids )) && compadd -a pids"
        print "    (( ${words[(I)-d|--diff]} )) && _files"
        print "}"
    }
    # -A: no option is looked for behind the program.
    print "_arguments -s -S " (tool == "hakmem-run" ? "-A '-*' " : "") "\\"
    for (i = 1; i <= words; i++) {
        names = word_letter[i] == "" ? word_name[i] : \
            "{" word_letter[i] (word_argument[i] == "" ? "" : "+") "," \
            word_name[i] (word_argument[i] == "" ? "" : "=") "}"
        if (word_letter[i] == "" && word_argument[i] != "")
            names = names (word_is_optional[i] ? "=-" : "=")
        # --set may come again and again
        again = word_argument[i] ~ /^(NAME=VALUE|LIBRARY)$/ ? "*" : \
            word_letter[i] == "" ? "" : "(" word_letter[i] " " word_name[i] ")"
        text = "[" shown(word_help[i]) "]"
        if (word_argument[i] != "")
            text = text (word_is_optional[i] ? "::" : ":") shown(word_argument[i]) ":" \
                action(word_values[i])
        if (word_letter[i] == "")
            print "    '" again names text "' \\"
        else
            print "    '" again "'" names "'" text "' \\"
    }
    if (tool == "hakmem-run")
        print "    '(-)1:program:_command_names -e' '*:: :_normal'"
    else
        print "    '*:process:_hakmem_processes'"
}
