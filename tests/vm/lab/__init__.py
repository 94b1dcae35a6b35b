# SPDX-License-Identifier: Apache-2.0
"""The lab: real throw-away guests for the demo and the VM tests. See docs/testing.md."""
