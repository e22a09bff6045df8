@echo off
rem As the script beside this: the path is all that find.mjs says, or nothing, with its message on the terminal.
set "plugin="
for /f "delims=" %%p in ('node "%~dp0find.mjs"') do set "plugin=%%p"
if not defined plugin exit /b 1
"%plugin%" %*
