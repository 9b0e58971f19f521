#!/bin/sh
echo "$1" > /opt/scripted
