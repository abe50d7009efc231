# SPDX-License-Identifier: MIT
# Makes a man page of its template: the lines @KNOBS@, @OPTIONS@, @KNOB_OPTIONS@, @VARIABLES@,
# @TUNE@, @DIAGNOSTICS@, @FIGURES@ and @COUNTERS@ are replaced by what stands in the .def tables,
# which are named before the template on the command line and read by man/rows.awk; @SYSCONFDIR@
# and @DATADIR@ by the values of -v sysconfdir= and -v datadir=.

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

# A sentence of the table begins small and ends without a full stop.
function sentence(text) {
    return plain(toupper(substr(text, 1, 1)) substr(text, 2)) "."
}

function print_knobs(    i, range) {
    for (i = 1; i <= knobs; i++) {
        range = kind[i] ~ /^(BOOL|TEXT|CHOICE)$/ ? "" : ", " least[i] " to " most[i]
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

function print_tune(    i) {
    for (i = 1; i <= tunes; i++) {
        print ".It Li " word(tune[i])
        print plain(tune_help[i])
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

$0 == "@KNOBS@" { print_knobs(); next }
$0 == "@OPTIONS@" { print_options(); next }
$0 == "@KNOB_OPTIONS@" { print_knob_options(); next }
$0 == "@VARIABLES@" { print_variables(); next }
$0 == "@DIAGNOSTICS@" { print_diagnostics(); next }
$0 == "@TUNE@" { print_tune(); next }
$0 == "@FIGURES@" { print_figures(); next }
$0 == "@COUNTERS@" { print_counters(); next }
{ gsub(/@SYSCONFDIR@/, sysconfdir); gsub(/@DATADIR@/, datadir); print }
