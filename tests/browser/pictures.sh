#!/bin/sh
# Makes the pictures of the README anew, from the playground and the console in a
# real browser.
#
#   sh tests/browser/pictures.sh
set -eu
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
sh tests/browser/run.sh "$made"
cp "$made/wide-light.png" docs/playground.png
cp "$made/tour-03.png" docs/killed.png
cp "$made/tour-08.png" docs/answer.png
cp "$made/tour-09.png" docs/group.png
cp "$made/gallery.png" docs/gallery.png
for name in console console-dark console-phone; do
    cp "$made/$name.png" docs/
done
