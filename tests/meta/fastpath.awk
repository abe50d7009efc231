# SPDX-License-Identifier: MIT
# Reads the disassembly of one function (objdump -d --no-show-raw-insn) and walks the straight path
# from its entry to the first return: conditional jumps are not taken, jumps inside the function are
# followed. Prints "INSTRUCTIONS BRANCHES THREAD-LOCALS", or "bad: WHY" and exits 1.
# Variables: cpu (x86_64 or aarch64), name (the function).
BEGIN { FS = "\t" }
$1 ~ /^ *[0-9a-f]+:$/ {
    at = $1
    gsub(/[ :]/, "", at)
    order[++count] = at
    place[at] = count
    code[count] = $2
    for (i = 3; i <= NF; i++)
        code[count] = code[count] " " $i
    if (cpu == "x86_64")
        sub(/ *#.*/, "", code[count])
    else
        sub(/ *\/\/.*/, "", code[count])
}
function bad(why) {
    print "bad: " why
    failed = 1
    exit 1
}
function conditional(op) {
    return cpu == "x86_64" ? op ~ /^j/ && op != "jmp" : op ~ /^(b\.|cbn?z|tbn?z)/
}
function refuse(op, text) {
    if (cpu == "x86_64") {
        if (op ~ /^call/) bad("a call: " text)
        if (op ~ /^(lock|push|mfence|cpuid)/) bad("a lock, fence or push: " text)
        if (op ~ /^xchg/ && text ~ /\(/) bad("an implicit lock: " text)
        if (op == "jmp" && text ~ /\*/) bad("an indirect jump: " text)
    } else {
        if (op ~ /^(bl|blr|br)$/) bad("a call: " text)
        if (op ~ /^(ld[a]?xr|st[l]?xr|cas|swp|ld(add|clr|set|eor)|dmb|dsb)/) bad("atomic: " text)
        if (op ~ /^st[pr]$/ && text ~ /\[sp, #-[0-9]+\]!/) bad("a push: " text)
    }
}
function touches_thread(text) {
    return cpu == "x86_64" ? text ~ /%fs:/ : text ~ /tpidr_el0/
}
END {
    if (failed)
        exit 1
    if (!count)
        bad("no function " name)
    here = 1
    for (steps = 0; steps < 1000; steps++) {
        if (here > count)
            bad("runs past its end")
        text = code[here]
        split(text, word, /[ \t]+/)
        op = word[1] ~ /^(bnd|notrack|repz|rep)$/ ? word[2] : word[1]
        instructions++
        if (touches_thread(text))
            thread_locals++
        if (op ~ /^ret/) {
            print instructions, branches + 0, thread_locals + 0
            exit 0
        }
        refuse(op, text)
        if (conditional(op))
            branches++
        if (op == "jmp" || op == "b") {
            target = op == word[1] ? word[2] : word[3]
            if (!(target in place))
                bad("leaves the function: " text)
            here = place[target]
        } else {
            here++
        }
    }
    bad("does not end")
}
