# SPDX-License-Identifier: MIT
# What completion for both shells is made of. Comes behind man/rows.awk, which has read the tables;
# -v tool= names the command. Leaves in word[1..words] the options with their arguments and texts.

# What may follow `=`, as words; "<files>" and "<knobs>" stand for what the shell finds; "": nothing
# that could be known.
function values_of(argument, help,    list) {
    if (argument ~ /[|]/) {
        gsub(/[|]/, " ", argument)
        return argument
    }
    if (argument == "NAME=VALUE")
        return "<knobs>"
    if (argument ~ /^(LIBRARY|FILE|TEXT)$/)
        return "<files>"
    if (argument == "KEY") { # the help names them: sort by tid, name; pid, live
        list = help
        sub(/.* by /, "", list)
        gsub(/[,;]| or /, " ", list)
        gsub(/ +/, " ", list)
        return list
    }
    return ""
}

function add_word(name, letter, argument, is_optional, help) {
    word_name[++words] = "--" name
    word_letter[words] = letter == "" ? "" : "-" letter
    word_argument[words] = argument
    word_is_optional[words] = is_optional
    word_values[words] = values_of(argument, help)
    word_help[words] = help
}

function collect(    i, name, of_kind) {
    for (i = 1; i <= options; i++)
        add_word(option[i], letter[i], argument[i], 0, option_help[i])
    for (i = 1; i <= knobs && tool == "hakmem-run"; i++) {
        name = knob[i]
        knob_variables = knob_variables (i > 1 ? " " : "") knob[i]
        gsub(/_/, "-", name)
        if (kind[i] == "CHOICE") {
            of_kind = unit[i]
            gsub(/, | or /, "|", of_kind)
        } else
            of_kind = kind[i] == "BOOL" ? "yes|no" : kind[i] == "COUNT" ? "NUMBER" : kind[i]
        if (stability[i] == "stable")
            add_word(name, "", of_kind, kind[i] == "BOOL", knob_help[i])
    }
}
