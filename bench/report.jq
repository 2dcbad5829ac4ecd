# SPDX-License-Identifier: MIT
#
# report.jq - the tables from results.jsonl: jq -rs -f report.jq results.jsonl

def median:
	sort | length as $n
	| if $n == 0 then null
	  elif $n % 2 == 1 then .[$n / 2 | floor]
	  else (.[$n / 2 - 1] + .[$n / 2]) / 2 end;

# 1234.5 -> "1234.50": jq has no printf
def fixed($digits):
	if . == null then "-"
	else
		pow(10; $digits) as $p
		| (. * $p | round) as $v
		| ($v / $p | floor | tostring) as $whole
		| if $digits == 0 then $whole
		  else $whole + "." + (($v % $p + $p | tostring)[1:]) end
	end;

def pad($n): . + " " * ([$n - length, 0] | max);

def table:
	. as $rows
	| [range($rows[0] | length) as $c | [$rows[][$c] | length] | max] as $w
	| ([$w[] | "-" * .]) as $rule
	| ($rows[0:1] + [$rule] + $rows[1:])[]
	| [., $w] | transpose | map(.[0] as $t | .[1] as $n | $t | pad($n))
	| "| " + join(" | ") + " |";

# ratios of one method to another, pair by pair, of what f gives for a run
def ratios($runs; $of; $method; f):
	[$runs[] | select(.method == $of) | . as $s
	 | ($runs[] | select(.method == $method and .pair == $s.pair)) as $m
	 | select(($s | f) != null and ($m | f) != null and ($m | f) > 0)
	 | ($s | f) / ($m | f)];

def ratios($runs; $method; f): ratios($runs; "stock"; $method; f);

# The method that the table is about, of those measured
def main_of($have): ["preload-group", "preload"] + $have | map(select(. != "stock" and IN($have[]))) | first;

def factor: if . == null then "-" else fixed(2) end;

# same ratio the other way round: CPU time relative to stock's
def cost($runs; $method):
	ratios($runs; $method; .cpu_ms) | map(1 / .) | median | factor;

def deferred($runs; $method):
	[$runs[] | select(.method == $method) | .stats] as $s
	| if $s == [] then "-"
	  elif all($s[]; .processes == 0) then "no statistics"
	  elif all($s[]; .deferred == 0) then "nothing deferred"
	  else ([$s[].deferred] | median | fixed(0)) + " / " + ([$s[].elided] | median | fixed(0))
	       + " (" + ([$s[].engines[] | select(. != "off")] | unique | join(", ")) + ")"
	  end;

def trees($all):
	[$all[] | .tree] as $t
	| if any($t[]; . == "differs") then "DIFFER"
	  elif any($t[]; . == "same") then "same" else "-" end;

def metrics_of($runs):
	["mkdir", "create", "update", "read", "delete", "rmdir", "total", "flushes", "round_trips", "wall"]
	| map(select(. as $m | any($runs[]; .metrics[$m] != null)));

def phase_name($metric; $many):
	if $many | not then "" elif $metric == "wall" then "process" else $metric end;

# How many system calls, of the row for the whole process: stock, the main method
def calls_of($calls; $all; $main):
	["stock", $main] | map(. as $m | [$calls[] | select(.fs == $all[0].fs and .workload == $all[0].workload and .method == $m) | .calls]
		| last | if . == null then "-" else tostring end);

def rows($methods; $calls):
	. as $all
	| map(select(.pair > 0)) as $runs
	| ($runs | map(.method) | unique) as $have
	| metrics_of($runs) as $metrics
	| ($metrics | length > 1) as $many
	| main_of([$methods[] | select(IN($have[]))]) as $main
	| $metrics[] as $metric
	| ratios($runs; $main; .metrics[$metric]) as $r
	| [ $all[0].workload, phase_name($metric; $many), $all[0].fs,
	    ([$runs[] | select(.method == "stock") | .metrics[$metric]] | median | fixed(1)),
	    ([$runs[] | select(.method == $main) | .metrics[$metric]] | median | fixed(1)),
	    ($r | median | if . == null then "-" else "**" + fixed(2) + "**" end),
	    (if $r == [] then "-" else ($r | min | fixed(2)) + "-" + ($r | max | fixed(2)) end)
	  ]
	  + (if $metric == "wall" then
		[cost($runs; $main), deferred($runs; $main), trees($all)]
	     else ["", "", ""] end)
	  + (if $calls == [] then [] elif $metric == "wall" then calls_of($calls; $all; $main) else ["", ""] end)
	  + [$methods[] | select(. != "stock" and . != $main) as $m
	     | ratios($runs; $m; .metrics[$metric]) | median | factor]
	  + (if IN("eatmydata"; $methods[]) then
		[ratios($runs; "eatmydata"; $main; .metrics[$metric]) | median | factor]
	     else [] end);

def header:
	"Date: \(.date); libfastio \(.commit)",
	"Machine: \(.model), \(.cores) cores, \(.memory); \(.kernel)",
	"Method: \(.pairs) pairs in alternating order after a warm-up, medians; ratio = stock / preload",
	"in the same pair (above 1: faster than stock), spread = lowest and highest of them; CPU =",
	"user and system time of all processes with the background task, relative to stock;",
	"deferred / elided: operations, as the library counted them (its engine).",
	"Sources of the programs are on the file system measured. flushes, round_trips: how many, not ms.",
	"phases: \(.phase_files) files of \(.size) bytes\(if .args != "" then " " + .args else "" end); trees of \(.files) files, npm ci \(.npm_files); slow \(.slow_files)."
	+ (if .env != "" then " Set: \(.env)" else "" end);

(map(select(.kind == "header")) | last) as $h
| map(select(.kind == "fs")) as $fs
| map(select(.kind == "failure")) as $failures
| map(select(.kind == "calls")) as $calls
| map(select(.kind == "run")) as $runs
| ["stock", "eatmydata", "preload", "preload-sync", "preload-uring", "preload-off", "preload-group", "null"] as $known
| ($known | map(select(. as $m | any($runs[]; .method == $m)))) as $methods
| (main_of($methods) // "stock") as $main
| ([$runs[] | [.fs, .workload]] | reduce .[] as $k ([]; if index([$k]) then . else . + [$k] end)) as $keys
| "# Measured: stock and under libfastio", "",
  ($h | header), "",
  ($fs[] | "- \(.fs): \(.mount)"), "",
  ([["workload", "phase", "fs", "stock ms", $main + " ms", "ratio", "spread", "CPU",
     "deferred / elided", "tree"]
    + (if $calls == [] then [] else ["calls stock", "calls " + $main] end)
    + [$methods[] | select(. != "stock" and . != $main) | ltrimstr("preload-") + " ratio"]
    + (if IN("eatmydata"; $methods[]) then ["of eatmydata"] else [] end)]
   + [$keys[] as $k | $runs | map(select([.fs, .workload] == $k)) | rows($methods; $calls)] | table),
  (if $failures != [] then "", "Failures:", ($failures[] | "- " + .what) else empty end)
