/* SPDX-License-Identifier: MIT */
/* The program of early.sh whose shared object has an indirect function. */
int ifunc_is_well(void);

int main(void) {
    return ifunc_is_well() ? 0 : 1;
}
