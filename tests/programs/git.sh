#!/bin/sh
# SPDX-License-Identifier: MIT
# git on a history of thousands of commits: import, log, blame, merge, gc and repack with threads,
# fsck, clone. All hashes, and the pack that one thread makes, are the same.
. "$(dirname "$0")/lib.sh"
need git awk
cat >"$HOME/.gitconfig" <<'CONFIG'
[user]
    name = Tester
    email = tester@example.org
[init]
    defaultBranch = main
[gc]
    auto = 0
[core]
    pager = cat
CONFIG
GIT_AUTHOR_DATE='1700000000 +0000'
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
awk -v commits=$((4000 * scale)) -f "$here/git_history.awk" >"$work/history"
served git git --version
cat >"$work/work" <<'SCRIPT'
set -e
git init -q big
cd big
git fast-import --quiet <"$1"
git checkout -q main
git log --stat --format='%H %an %ad %s' | sha1sum
git log -p -M -n 300 | sha1sum
git blame dir3/file3 | sha1sum
git checkout -q -b side main~50
echo side >>dir1/file1
git mv dir2/file2 dir2/moved
git commit -q -a -m side
git merge -q --no-edit main
git diff HEAD~1 | sha1sum
git grep -c 'line 7' | sha1sum
git -c pack.threads=2 gc -q --prune=now
git -c pack.threads=2 repack -q -adf --depth=20 --window=20
git fsck --full --strict
git rev-list --all --objects | sort | sha1sum
git -c pack.threads=1 repack -q -adF --depth=10 --window=10
git clone -q --no-local . ../clone
cd ../clone
git fsck --full
git rev-parse HEAD 'HEAD^{tree}'
git archive HEAD | sha1sum
cd ..
(cd big/.git/objects/pack && sha1sum ./*.pack ./*.idx)
rm -rf clone big
SCRIPT
same history sh "$work/work" "$work/history"
