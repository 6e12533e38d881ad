// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// USDC as an EIP-3009 payer meets it, with a mint that is open to all. Its names are constants and immutables, never
/// storage, because the deployed code is also placed at addresses where no constructor has run.
contract TestUSDC is ERC3009 {
    constructor(string memory domainName) ERC20("", "") EIP712(domainName, "2") {}

    function name() public view override returns (string memory) { return _EIP712Name(); }
    function symbol() public pure override returns (string memory) { return "USDC"; }
    function version() external view returns (string memory) { return _EIP712Version(); }
    function decimals() public pure override returns (uint8) { return 6; }
    function mint(address to, uint256 value) external { _mint(to, value); }
}
