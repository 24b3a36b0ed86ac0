# `cd paper && latexmk` builds the stub; scripts/build_paper.py reads this file too, so both make the same document.
@default_files = ('paper.tex');
$pdf_mode = 1;
$bibtex_use = 2;
$pdflatex = 'pdflatex -halt-on-error -interaction=nonstopmode -file-line-error -no-shell-escape %O %S';
# Nothing of the clock in the PDF.
$ENV{SOURCE_DATE_EPOCH} //= '0';
$ENV{FORCE_SOURCE_DATE} = '1';
# Messages on one line, whole.
$ENV{max_print_line} = '10000';
$ENV{error_line} = '254';
$ENV{half_error_line} = '238';
$clean_ext = 'bbl';
