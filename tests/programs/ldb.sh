#!/bin/sh
# SPDX-License-Identifier: MIT
# ldb, the database of Samba and sssd, whose modules are opened with RTLD_DEEPBIND: thousands of
# records are added, found by an index, sorted, changed, renamed and deleted. What the modules bring
# along gets its memory from the library, too.
. "$(dirname "$0")/lib.sh"
need ldbadd ldbsearch ldbmodify ldbrename ldbdel
records=$((3000 * scale))
awk -v records=$records -v folder="$work" 'BEGIN {
    print "dn: @INDEXLIST\n@IDXATTR: uid\n@IDXATTR: objectClass\n" >(folder "/index.ldif")
    print "dn: @MODULES\n@LIST: rdn_name\n" >(folder "/index.ldif")
    for (i = 0; i < records; i++) {
        text = sprintf("%0" (20 + i % 300) "d", i)
        user = "dn: cn=user" i ",ou=u" i % 7 ",dc=test\n"
        print user "objectClass: person\nuid: id" i * 7919 % records "\ndescription: " text \
            "\nmember: cn=user" (i + 1) % records ",dc=test\n" >(folder "/add.ldif")
        if (i % 3 == 0)
            print user "changetype: modify\nreplace: description\ndescription: new " text text \
                "\n-\nadd: mail\nmail: user" i "@test\n" >(folder "/modify.ldif")
    }
}'
cat >"$work/work" <<'END'
set -e
database=tdb://$PWD/test.ldb
ldbadd --nosync -H "$database" "$1/index.ldif"
ldbadd --nosync -H "$database" "$1/add.ldif"
ldbmodify --nosync -H "$database" "$1/modify.ldif"
ldbsearch -H "$database" '(uid=id77)'
ldbsearch -H "$database" '(&(description=*9)(mail=*))' cn mail | sort
ldbrename --nosync -H "$database" cn=user6,ou=u6,dc=test cn=other,ou=u0,dc=test
ldbdel --nosync -H "$database" -r ou=u1,dc=test
ldbsearch -H "$database" | sort
rm test.ldb
END
ldbadd --nosync -H "$work/small.ldb" "$work/index.ldif" >/dev/null || exit 99
served 'libtalloc\.so\.2' ldbsearch -H "$work/small.ldb"
# A module's own library: with RTLD_DEEPBIND it would take malloc from libc.
served 'libtdb\.so\.1' ldbsearch -H "$work/small.ldb"
same ldb sh "$work/work" "$work"
