# SPDX-License-Identifier: MIT
# Reads the .def tables, which are named on the command line: a row is cut into cells, and the rows
# of each kind are numbered from 1 in arrays of their own. What is made of them comes with another
# file of awk: man/tables.awk, tools/completion.

# The text between the first and the last quote of a field.
function unquote(text) {
    sub(/^[^"]*"/, "", text)
    sub(/"[^"]*$/, "", text)
    return text
}

# Cuts a row into cell[1..]; commas in quotes or parentheses don't cut. Returns the number.
function cut(row,    i, c, depth, quoted, count) {
    sub(/^[A-Z_]*\(/, "", row)
    sub(/\)[ ]*$/, "", row)
    count = 1
    cell[1] = ""
    depth = quoted = 0
    for (i = 1; i <= length(row); i++) {
        c = substr(row, i, 1)
        if (c == "\"")
            quoted = !quoted
        if (!quoted)
            depth += (c == "(") - (c == ")")
        if (c == "," && !quoted && !depth)
            cell[++count] = ""
        else if (cell[count] != "" || c != " ")
            cell[count] = cell[count] c
    }
    return count
}

# A value of the table as a user writes it: HAK_MIB(4) is 4m.
function value(text, kind, words,    number, unit, choice) {
    number = text
    gsub(/[^0-9]/, "", number)
    unit = index("_KMGT", substr(text, 5, 1)) - 1
    if (text !~ /^HAK_[KMG]IB/)
        unit = 0
    while (number > 0 && number % 1024 == 0 && (kind == "SIZE" || kind == "LIMIT") && unit < 4) {
        number /= 1024
        unit++
    }
    if (kind == "BOOL")
        return number + 0 ? "yes" : "no"
    if (kind == "CHOICE") {
        split(words, choice, /, | or /)
        return choice[number + 1]
    }
    if (kind == "TEXT")
        return "none"
    return number (unit ? substr("kmgt", unit, 1) : "")
}

function add_row(row) {
    cut(row)
    if (row ~ /^HAK_KNOB/) {
        knob[++knobs] = cell[1]
        kind[knobs] = cell[2]
        initial[knobs] = value(cell[3], cell[2], unquote(cell[6]))
        least[knobs] = value(cell[4], cell[2])
        most[knobs] = value(cell[5], cell[2])
        unit[knobs] = unquote(cell[6])
        stability[knobs] = tolower(cell[7])
        knob_help[knobs] = unquote(cell[8])
    } else if (row ~ /^HAK_VARIABLE/) {
        variable[++variables] = cell[1]
        variable_help[variables] = unquote(cell[2])
    } else if (row ~ /^HAK_OPTION/) {
        letter[++options] = cell[2] ~ /'/ ? substr(cell[2], 2, 1) : ""
        option[options] = unquote(cell[3])
        argument[options] = unquote(cell[4])
        option_help[options] = unquote(cell[5])
    } else if (row ~ /^HAK_TUNE/) {
        tune[++tunes] = unquote(cell[1])
        tune_help[tunes] = unquote(cell[2])
    } else if (row ~ /^HAK_FATAL/) {
        fatal[++fatals] = tolower(cell[1])
        gsub(/_/, "-", fatal[fatals])
        fatal_text[fatals] = unquote(cell[2])
        advice[fatals] = unquote(cell[3])
    } else if (row ~ /^HAK_FIGURE/) {
        figure[++figures] = cell[1]
        figure_unit[figures] = unquote(cell[2])
        figure_help[figures] = unquote(cell[3])
    } else if (row ~ /^HAK_(CLASS|THREAD|PROCESS)_COUNTER/) {
        counter[++counters] = cell[1]
        counter_scope[counters] = row ~ /^HAK_C/ ? "thread and size class" : \
            row ~ /^HAK_T/ ? "thread" : "process"
        place = row ~ /^HAK_C/ # a cell more
        counter_unit[counters] = unquote(cell[2 + place])
        counter_kind[counters] = cell[3 + place] == "EVENT" ? "counted up" : "now"
        counter_help[counters] = unquote(cell[4 + place])
    }
}

FILENAME ~ /\.def$/ {
    if (/^HAK_/)
        pending = ""
    else if (pending == "")
        next
    sub(/^ +/, "")
    pending = pending (pending == "" ? "" : " ") $0
    if (pending ~ /"\)$/) {
        add_row(pending)
        pending = ""
    }
    next
}
