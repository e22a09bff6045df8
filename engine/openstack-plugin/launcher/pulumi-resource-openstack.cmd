@echo off
for /f "delims=" %%p in ('node "%~dp0find.mjs"') do "%%p" %*
