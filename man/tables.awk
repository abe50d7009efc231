# SPDX-License-Identifier: MIT
# Makes a man page of its template: the lines @KNOBS@, @OPTIONS@, @KNOB_OPTIONS@, @VARIABLES@,
# @DIAGNOSTICS@, @FIGURES@ and @COUNTERS@ are replaced by what stands in the .def tables, which are
# named before the template on the command line.

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

# Text that roff shows as it stands, in lines of less than 80 characters.
function plain(text,    n, i, part, line, lines) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    n = split(text, part, " ")
    for (i = 1; i <= n; i++) {
        if (line != "" && length(line) + length(part[i]) > 77) {
            lines = lines line "\n"
            line = ""
        }
        if (line == "" && part[i] ~ /^[.']/)
            part[i] = "\\&" part[i]
        line = line (line == "" ? "" : " ") part[i]
    }
    return lines line
}

# A word as the argument of a macro: hyphens are made minus signs, as one types them.
function word(text) {
    gsub(/-/, "\\-", text)
    return text
}

# A value of the table as a user writes it: HAK_MIB(4) is 4m.
function value(text, kind,    number, unit) {
    number = text
    gsub(/[^0-9]/, "", number)
    unit = index("_KMGT", substr(text, 5, 1)) - 1
    if (text !~ /^HAK_[KMG]IB/)
        unit = 0
    while (number > 0 && number % 1024 == 0 && kind == "SIZE" && unit < 4) {
        number /= 1024
        unit++
    }
    if (kind == "BOOL")
        return number + 0 ? "yes" : "no"
    if (kind == "TEXT")
        return "none"
    return number (unit ? substr("kmgt", unit, 1) : "")
}

function add_row(row) {
    cut(row)
    if (row ~ /^HAK_KNOB/) {
        knob[++knobs] = cell[1]
        kind[knobs] = cell[2]
        initial[knobs] = value(cell[3], cell[2])
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
        counter_unit[counters] = unquote(cell[2])
        counter_kind[counters] = cell[3] == "EVENT" ? "counted up" : "now"
        counter_help[counters] = unquote(cell[4])
    }
}

# A sentence of the table begins small and ends without a full stop.
function sentence(text) {
    return plain(toupper(substr(text, 1, 1)) substr(text, 2)) "."
}

function print_knobs(    i, range) {
    for (i = 1; i <= knobs; i++) {
        range = kind[i] == "BOOL" || kind[i] == "TEXT" ? "" : ", " least[i] " to " most[i]
        print ".It Ev HAKMEM_" toupper(knob[i])
        print plain(unit[i] range ", default " initial[i] ", " stability[i] ".")
        print ".br"
        print sentence(knob_help[i])
    }
}

function print_options(    i) {
    for (i = 1; i <= options; i++) {
        printf ".It"
        if (letter[i] != "")
            printf " Fl %s ,", letter[i]
        printf " Fl \\-%s", word(option[i])
        if (argument[i] != "")
            printf " Ns = Ns Ar %s", argument[i]
        print ""
        print sentence(option_help[i])
    }
}

function print_knob_options(    i, name) {
    for (i = 1; i <= knobs; i++) {
        if (stability[i] != "stable")
            continue
        name = knob[i]
        gsub(/_/, "-", name)
        printf ".It Fl \\-%s", word(name)
        if (kind[i] == "BOOL")
            print " Ns Op = Ns Ar yes|no"
        else
            print " Ns = Ns Ar " (kind[i] == "COUNT" ? "NUMBER" : kind[i])
        print sentence(knob_help[i])
        print "Default " plain(initial[i]) "."
    }
}

function print_variables(    i) {
    for (i = 1; i <= variables; i++) {
        print ".It Ev HAKMEM_" variable[i]
        print sentence(variable_help[i])
    }
}

function print_diagnostics(    i) {
    for (i = 1; i <= fatals; i++) {
        print ".It " word(fatal[i]) ": " word(fatal_text[i])
        print sentence(advice[i])
    }
}

function print_figures(    i) {
    for (i = 1; i <= figures; i++) {
        print ".It Li " figure[i]
        print plain(figure_unit[i]) ":"
        print plain(figure_help[i]) "."
    }
}

function print_counters(    i) {
    for (i = 1; i <= counters; i++) {
        print ".It Li " counter[i]
        print plain(counter_unit[i] ", a " counter_scope[i] ", " counter_kind[i] ":")
        print plain(counter_help[i]) "."
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

$0 == "@KNOBS@" { print_knobs(); next }
$0 == "@OPTIONS@" { print_options(); next }
$0 == "@KNOB_OPTIONS@" { print_knob_options(); next }
$0 == "@VARIABLES@" { print_variables(); next }
$0 == "@DIAGNOSTICS@" { print_diagnostics(); next }
$0 == "@FIGURES@" { print_figures(); next }
$0 == "@COUNTERS@" { print_counters(); next }
{ print }
