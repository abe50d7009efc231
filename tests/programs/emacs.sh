#!/bin/sh
# SPDX-License-Identifier: MIT
# emacs in batch mode with buffers, regular expressions, sorting, hash tables, garbage collections,
# byte compilation, and processes that it starts.
. "$(dirname "$0")/lib.sh"
need emacs
cat >"$work/work.el" <<'END'
(defvar scale (string-to-number (car command-line-args-left)))
(setq command-line-args-left nil gc-cons-threshold 200000)
(with-temp-buffer
  (dotimes (i (* 20000 scale))
    (insert (format "%d %s word%d\n" (% (* i 7919) 10007) (make-string (% i 60) ?x) (% i 97))))
  (goto-char (point-min))
  (while (re-search-forward "x\\{20,\\}\\( word\\)\\([13]\\)" nil t)
    (replace-match "<\\2>\\1" t))
  (sort-numeric-fields 1 (point-min) (point-max))
  (princ (format "%s %s\n" (buffer-size) (md5 (current-buffer))))
  (fill-region (point-min) (min (point-max) 40000))
  (princ (format "%s\n" (md5 (current-buffer))))
  (write-region (point-min) (point-max) "sorted" nil 'quiet))
(let ((table (make-hash-table :test 'equal)) (sum 0))
  (dotimes (i 50000)
    (puthash (number-to-string (% (* i 31) 5003)) (list i (make-vector (% i 30) i)) table))
  (maphash (lambda (key value) (setq sum (+ sum (car value) (length key)))) table)
  (garbage-collect)
  (princ (format "%d %d\n" (hash-table-count table) sum)))
(require 'json)
(princ (md5 (json-encode (mapcar (lambda (n) `((n . ,n) (s . ,(make-string (% n 40) ?j))))
                                 (number-sequence 1 2000)))))
(with-temp-file "compiled.el"
  (insert ";;; compiled.el -*- lexical-binding: t -*-\n(defun twice (x) (* 2 x))\n"))
(byte-compile-file "compiled.el")
(load (expand-file-name "compiled.elc") nil t)
(princ (format "\n%d %s" (twice 21) (shell-command-to-string "seq 1 2000 | cksum")))
(delete-file "compiled.elc")
END
served 'emacs[^ ]*' emacs --batch -Q --eval '(princ 42)'
same emacs emacs --batch -Q -l "$work/work.el" "$scale"
